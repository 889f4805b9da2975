/* Kernels of the decoding step, for tensors in main memory.

No header of Python is needed: this is a plain shared library, which kernels/library.py loads through ctypes. Every
kernel is written once, in C with the vector extensions that GCC and Clang share (bodies.h), and compiled for several
instruction sets; `level` says which of them the processor at hand can run. */

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>

#if !defined(__GNUC__)
#error "GCC or Clang is needed; without it the package runs on torch alone"
#endif

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#include "crew.h"
#include "jobs.h"

#define PASTE2(a, b) a##_##b
#define PASTE(a, b) PASTE2(a, b)

#define TARGET portable
#define W 4
#include "bodies.h"
#undef TARGET
#undef W

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define TARGET avx2
#define W 8
#include "bodies.h"
#undef TARGET
#undef W
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif
#define TARGET avx512
#define W 16
#include "bodies.h"
#undef TARGET
#undef W
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

/* Tiles: asked of Linux before they are used; compilers know them since GCC 11 and Clang 12. */
#if defined(__linux__) && (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)
#define HAS_TILES 1
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,amx-tile,amx-int8,amx-bf16,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,amx-tile,amx-int8,amx-bf16,avx2,fma")
#endif
#define TARGET tiles
#define T(name) PASTE(name, TARGET)
#define INLINE static inline __attribute__((always_inline))
#include "tiles.h"
#undef INLINE
#undef T
#undef TARGET
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
#endif

#if HAS_TILES
/* Whether the processor has tiles, AVX-512's permutations of bytes, and the system's leave to use them. */
static int tiles_granted(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    unsigned tiles = 1u << 22 | 1u << 24 | 1u << 25; /* bfloat16, tiles, int8 */
    if ((d & tiles) != tiles || !(c & 1u << 1)) return 0;
    return syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* tile data */) == 0;
}
#endif

/* Raised with every change of a job or an entry point: a library that was built from other sources is not used. */
EXPORT int t2j_interface(void) { return 8; }

/* What the processor can run: 0 portable, 1 AVX2, 2 AVX-512, 3 AVX-512 and AMX. */
EXPORT int t2j_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
#if HAS_TILES
        if (tiles_granted()) return 3;
#endif
        return 2;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

#if defined(__x86_64__)
#define CHOOSE(name) (level >= 2 ? name##_avx512 : level == 1 ? name##_avx2 : name##_portable)
#else
#define CHOOSE(name) name##_portable
#endif

/* Each kernel's work on a job, at a level; jobs.h says what stands in a job. */
#define KERNEL(name, pieces)                                                      \
    static struct phase name##_phase(int level, const struct name##_job *job) {   \
        (void)level;                                                              \
        return (struct phase){CHOOSE(name), job, (pieces), 0, 0};                 \
    }

KERNEL(turn_query, job->rows)
KERNEL(row_scores, job->planes *((job->units + SLICE - 1) / SLICE))
KERNEL(softmax_max, job->planes)
KERNEL(plain_rank, job->rows)
KERNEL(pick, job->rows)
KERNEL(spread_units, job->rows)
KERNEL(place, job->rows)
KERNEL(mark, job->rows)
KERNEL(attend, job->batch *job->choosers)
KERNEL(higgs_read, (job->rows + SLICE - 1) / SLICE)
KERNEL(rotate, (job->rows + SLICE - 1) / SLICE)
KERNEL(nearest, (job->tuples + LONG_SLICE - 1) / LONG_SLICE)

static struct phase higgs_scores_phase(int level, const struct higgs_scores_job *job) {
    int64_t slices = job->batch * ((job->tokens + SLICE - 1) / SLICE);
#if HAS_TILES
    if (level >= 3 && job->digits) return (struct phase){higgs_sums_tiles, job, slices, 0, 0};
#endif
    (void)level;
    return (struct phase){CHOOSE(higgs_scores), job, slices, 0, 0};
}

/* Comes before `higgs_scores`; nothing to do where that needs no digits. */
static struct phase higgs_digits_phase(int level, const struct higgs_scores_job *job) {
#if HAS_TILES
    if (level >= 3 && job->digits) return (struct phase){higgs_digits_tiles, job, job->batch * job->heads, 0, 0};
#endif
    (void)level;
    return (struct phase){NULL, job, 0, 0, 0};
}

static struct phase low_rank_read_phase(int level, const struct low_rank_read_job *job) {
    int64_t slices = job->planes * ((job->rows_per_plane + SLICE - 1) / SLICE);
#if HAS_TILES
    if (level >= 3 && job->size % 32 == 0) return (struct phase){low_rank_bands_tiles, job, slices, 0, 0};
#endif
    (void)level;
    return (struct phase){CHOOSE(low_rank_read), job, slices, 0, 0};
}

#define MOST_LINKS 32

/* Run up to MOST_LINKS kernels on their jobs, one after the other; a link names a kernel by its place in
kernels/library.py. Returns 0 where one is unknown, and nothing is done. */
EXPORT int t2j_run(int level, int threads, int64_t many, const struct link *links) {
    struct phase phases[MOST_LINKS];
    if (many > MOST_LINKS) return 0;
    for (int64_t i = 0; i < many; i++)
        switch (links[i].kernel) {
#define CASE(number, name)                                  \
    case number:                                            \
        phases[i] = name##_phase(level, links[i].job);      \
        break;
            CASE(0, higgs_digits)
            CASE(1, higgs_scores)
            CASE(2, row_scores)
            CASE(3, softmax_max)
            CASE(4, plain_rank)
            CASE(5, pick)
            CASE(6, spread_units)
            CASE(7, place)
            CASE(8, mark)
            CASE(9, attend)
            CASE(10, higgs_read)
            CASE(11, low_rank_read)
            CASE(12, rotate)
            CASE(13, nearest)
            CASE(14, turn_query)
#undef CASE
        default:
            return 0;
        }
    share(phases, many, threads);
    return 1;
}
