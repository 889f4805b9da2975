/* The kernels, written for vectors of W floats. Included once for each instruction set. */

#define T(name) PASTE(name, TARGET)
#define INLINE static inline __attribute__((always_inline))

#include "vectors.h"

#include "scores.h"

#include "pick.h"

#include "attend.h"

#include "rows.h"

#undef INLINE
#undef T
