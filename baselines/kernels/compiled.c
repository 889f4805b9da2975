/* Kernels of the decoding step, for tensors in main memory.

No header of Python is needed: this is a plain shared library, which kernels/library.py loads through ctypes. Every
kernel is written once, in C with the vector extensions that GCC and Clang share (bodies.h), and compiled for several
instruction sets; `level` says which of them the processor at hand can run. */

#include <float.h>
#include <math.h>
#include <pthread.h>
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
#endif

/* Raised with every change of a job or an entry point: a library that was built from other sources is not used. */
EXPORT int t2j_interface(void) { return 2; }

/* What the processor can run: 0 portable, 1 AVX2, 2 AVX-512. */
EXPORT int t2j_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

#if defined(__x86_64__)
#define CHOOSE(name) (level >= 2 ? name##_avx512 : level == 1 ? name##_avx2 : name##_portable)
#else
#define CHOOSE(name) name##_portable
#endif

/* Each entry point takes the level to use, the threads, and its job; jobs.h says what stands in a job. */
#define ENTRY(name, job_type, items)                                              \
    EXPORT void t2j_##name(int level, int threads, const struct job_type *job) { \
        (void)level;                                                              \
        share(CHOOSE(name), job, (items), threads);                               \
    }

ENTRY(higgs_scores, higgs_scores_job, job->batch *((job->tokens + SLICE - 1) / SLICE))
ENTRY(row_scores, row_scores_job, job->planes *((job->units + SLICE - 1) / SLICE))
ENTRY(softmax_max, softmax_max_job, job->planes)
ENTRY(pick, pick_job, job->rows)
ENTRY(mark, mark_job, job->rows)
ENTRY(attend, attend_job, job->batch *job->choosers)
ENTRY(higgs_read, higgs_read_job, (job->rows + SLICE - 1) / SLICE)
ENTRY(low_rank_read, low_rank_read_job, job->planes *((job->rows_per_plane + SLICE - 1) / SLICE))
ENTRY(rotate, rotate_job, (job->rows + SLICE - 1) / SLICE)
ENTRY(nearest, nearest_job, (job->tuples + LONG_SLICE - 1) / LONG_SLICE)
