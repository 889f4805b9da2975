/* Vectors of W floats and what is computed on them. */

typedef float T(vf) __attribute__((vector_size(4 * W)));
typedef int32_t T(vi) __attribute__((vector_size(4 * W)));
typedef uint32_t T(vu) __attribute__((vector_size(4 * W)));
typedef uint16_t T(vh) __attribute__((vector_size(2 * W)));
typedef uint8_t T(vb) __attribute__((vector_size(W)));

INLINE T(vf) T(load)(const float *from) {
    T(vf) v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void T(store)(float *to, T(vf) v) { memcpy(to, &v, sizeof v); }

INLINE T(vf) T(spread)(float x) { return (T(vf)){0} + x; }

INLINE T(vf) T(choose)(T(vi) where, T(vf) yes, T(vf) no) {
    return (T(vf))((where & (T(vi))yes) | (~where & (T(vi))no));
}

INLINE T(vf) T(larger)(T(vf) a, T(vf) b) { return T(choose)(a > b, a, b); }

/* Element `at` of bfloat16 (half) or float32 values. */
INLINE float T(one)(const void *from, int64_t at, int half) {
    if (!half) return ((const float *)from)[at];
    uint32_t bits = (uint32_t)((const uint16_t *)from)[at] << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

INLINE T(vf) T(load_as)(const void *from, int64_t at, int half) {
    if (!half) return T(load)((const float *)from + at);
    T(vh) short_;
    memcpy(&short_, (const uint16_t *)from + at, sizeof short_);
    return (T(vf))(__builtin_convertvector(short_, T(vu)) << 16);
}

/* Ask memory for `size` values from element `at` on, before they are needed. */
INLINE void T(ask_for)(const void *base, int64_t at, int64_t size, int half) {
    const char *from = (const char *)base + at * (half ? 2 : 4);
    int64_t bytes = size * (half ? 2 : 4);
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(from + i);
}

/* The same for the second-level cache. */
INLINE void T(ask_far)(const void *base, int64_t at, int64_t size, int half) {
    const char *from = (const char *)base + at * (half ? 2 : 4);
    int64_t bytes = size * (half ? 2 : 4);
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(from + i, 0, 2);
}

/* Rounds to the nearest bfloat16, ties to even. */
INLINE void T(store_one)(void *to, int64_t at, float x, int half) {
    if (!half) {
        ((float *)to)[at] = x;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = x == x ? bits + 0x7FFF + ((bits >> 16) & 1) : 0x7FC00000;
    ((uint16_t *)to)[at] = (uint16_t)(bits >> 16);
}

INLINE void T(store_as)(void *to, int64_t at, T(vf) v, int half) {
    if (!half) {
        T(store)((float *)to + at, v);
        return;
    }
    T(vu) bits = (T(vu))v;
    T(vu) rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    T(vu) real = (T(vu))(v == v);
    T(vh) short_ = __builtin_convertvector((rounded & real) | (0x7FC0 & ~real), T(vh));
    memcpy((uint16_t *)to + at, &short_, sizeof short_);
}

INLINE float T(sum)(T(vf) v) {
#if W == 16
    return _mm512_reduce_add_ps((__m512)v);
#elif W == 8
    __m128 s = _mm_add_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
#else
    return (v[0] + v[2]) + (v[1] + v[3]);
#endif
}

/* The sums of four vectors. */
INLINE void T(sums)(const T(vf) v[4], float out[4]) {
#if W == 16
    __m512d ab = (__m512d)(_mm512_unpacklo_ps((__m512)v[0], (__m512)v[1]) + _mm512_unpackhi_ps((__m512)v[0], (__m512)v[1]));
    __m512d cd = (__m512d)(_mm512_unpacklo_ps((__m512)v[2], (__m512)v[3]) + _mm512_unpackhi_ps((__m512)v[2], (__m512)v[3]));
    __m512 all = (__m512)_mm512_unpacklo_pd(ab, cd) + (__m512)_mm512_unpackhi_pd(ab, cd);
    __m256 half = _mm512_castps512_ps256(all) + _mm512_extractf32x8_ps(all, 1);
    _mm_storeu_ps(out, _mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1));
#elif W == 8
    __m256d ab = (__m256d)(_mm256_unpacklo_ps((__m256)v[0], (__m256)v[1]) + _mm256_unpackhi_ps((__m256)v[0], (__m256)v[1]));
    __m256d cd = (__m256d)(_mm256_unpacklo_ps((__m256)v[2], (__m256)v[3]) + _mm256_unpackhi_ps((__m256)v[2], (__m256)v[3]));
    __m256 all = (__m256)_mm256_unpacklo_pd(ab, cd) + (__m256)_mm256_unpackhi_pd(ab, cd);
    _mm_storeu_ps(out, _mm256_castps256_ps128(all) + _mm256_extractf128_ps(all, 1));
#else
    for (int i = 0; i < 4; i++) out[i] = T(sum)(v[i]);
#endif
}

INLINE float T(most)(T(vf) v) {
    float x[W], most;
    T(store)(x, v);
    most = x[0];
    for (int i = 1; i < W; i++) most = x[i] > most ? x[i] : most;
    return most;
}

/* Four floats, repeated. */
INLINE T(vf) T(repeat)(const float *four) {
#if W == 16
    return (T(vf))_mm512_broadcast_f32x4(_mm_loadu_ps(four));
#elif W == 8
    return (T(vf))_mm256_broadcast_ps((const __m128 *)four);
#else
    return T(load)(four);
#endif
}

/* W bytes as lanes that are all ones where a byte is not 0. */
INLINE T(vi) T(flags)(const uint8_t *from) {
    T(vb) bytes;
    memcpy(&bytes, from, sizeof bytes);
    return __builtin_convertvector(bytes, T(vi)) != 0;
}

/* e to the x, for x up to 0; 0 below -87. Polynomial of Cephes' expf; relative error 2e-7. */
INLINE T(vf) T(exp)(T(vf) x) {
    T(vi) tiny = x < -87.0f;
    T(vf) base = T(choose)(tiny, T(spread)(-87.0f), x);
    T(vf) k = base * 1.44269504088896341f + 12582912.0f;
    T(vi) power = (T(vi))k << 23;
    k = k - 12582912.0f;
    base = base - k * 0.693359375f;
    base = base + k * 2.12194440e-4f;
    T(vf) p = T(spread)(1.9875691500e-4f);
    p = p * base + 1.3981999507e-3f;
    p = p * base + 8.3334519073e-3f;
    p = p * base + 4.1665795894e-2f;
    p = p * base + 1.6666665459e-1f;
    p = p * base + 5.0000001201e-1f;
    p = p * base * base + base + 1.0f;
    return T(choose)(tiny, T(spread)(0.0f), (T(vf))((T(vi))p + power));
}

/* float16 to float32, without branches: the exponents' biases differ by 112, subnormal numbers included. */
INLINE float T(half_float)(uint16_t h) {
    uint32_t bits = (uint32_t)(h & 0x7FFF) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    float x, signed_;
    memcpy(&x, &bits, sizeof x);
    x *= 5.192296858534828e33f;
    x = (h & 0x7C00) == 0x7C00 ? (h & 0x3FF ? NAN : INFINITY) : x;
    memcpy(&bits, &x, sizeof bits);
    bits |= sign;
    memcpy(&signed_, &bits, sizeof signed_);
    return signed_;
}

INLINE void T(half_floats)(const uint16_t *from, float *to, int64_t n) {
    int64_t i = 0;
#if W == 16
    for (; i + W <= n; i += W) _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(from + i))));
#endif
    for (; i < n; i++) to[i] = T(half_float)(from[i]);
}

#if defined(__clang__)
#define SWAPPED(v, s) T(swapped_##s)(v)
#if W == 16
INLINE T(vf) T(swapped_1)(T(vf) v) { return __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14); }
INLINE T(vf) T(swapped_2)(T(vf) v) { return __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13); }
INLINE T(vf) T(swapped_4)(T(vf) v) { return __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11); }
INLINE T(vf) T(swapped_8)(T(vf) v) { return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7); }
#elif W == 8
INLINE T(vf) T(swapped_1)(T(vf) v) { return __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6); }
INLINE T(vf) T(swapped_2)(T(vf) v) { return __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5); }
INLINE T(vf) T(swapped_4)(T(vf) v) { return __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3); }
#else
INLINE T(vf) T(swapped_1)(T(vf) v) { return __builtin_shufflevector(v, v, 1, 0, 3, 2); }
INLINE T(vf) T(swapped_2)(T(vf) v) { return __builtin_shufflevector(v, v, 2, 3, 0, 1); }
#endif
#else
#if W == 16
#define LANES (T(vi)){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
#elif W == 8
#define LANES (T(vi)){0, 1, 2, 3, 4, 5, 6, 7}
#else
#define LANES (T(vi)){0, 1, 2, 3}
#endif
#define SWAPPED(v, s) __builtin_shuffle(v, LANES ^ s)
#endif

#if W == 16
#define SIGNS_1 (T(vf)){1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1}
#define SIGNS_2 (T(vf)){1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1}
#define SIGNS_4 (T(vf)){1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1}
#define SIGNS_8 (T(vf)){1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1}
#elif W == 8
#define SIGNS_1 (T(vf)){1, -1, 1, -1, 1, -1, 1, -1}
#define SIGNS_2 (T(vf)){1, 1, -1, -1, 1, 1, -1, -1}
#define SIGNS_4 (T(vf)){1, 1, 1, 1, -1, -1, -1, -1}
#else
#define SIGNS_1 (T(vf)){1, -1, 1, -1}
#define SIGNS_2 (T(vf)){1, 1, -1, -1}
#endif

/* W floats turned among themselves. */
INLINE T(vf) T(turned)(T(vf) v) {
    v = SWAPPED(v, 1) + v * SIGNS_1;
    v = SWAPPED(v, 2) + v * SIGNS_2;
#if W >= 8
    v = SWAPPED(v, 4) + v * SIGNS_4;
#endif
#if W >= 16
    v = SWAPPED(v, 8) + v * SIGNS_8;
#endif
    return v;
}

/* The Walsh-Hadamard transform of n = `vectors` * W floats, times `scale`, all in registers. */
INLINE void T(hadamard_of)(float *x, int vectors, float scale) {
    T(vf) v[16];
    for (int i = 0; i < vectors; i++) v[i] = T(turned)(T(load)(x + i * W) * scale);
    for (int half = 1; half < vectors; half *= 2)
        for (int i = 0; i < vectors; i++)
            if (!(i & half)) {
                T(vf) a = v[i], b = v[i + half];
                v[i] = a + b;
                v[i + half] = a - b;
            }
    for (int i = 0; i < vectors; i++) T(store)(x + i * W, v[i]);
}

/* The Walsh-Hadamard transform of `n` floats, n a power of two, in Sylvester's order, times `scale`. */
INLINE void T(hadamard)(float *x, int64_t n, float scale) {
    int64_t stride = 1;
    if (n == 8 * W) {
        T(hadamard_of)(x, 8, scale);
        return;
    }
    if (n == 4 * W) {
        T(hadamard_of)(x, 4, scale);
        return;
    }
    for (int64_t i = 0; i < n; i++) x[i] *= scale;
    if (n >= W) {
        for (int64_t i = 0; i < n; i += W) T(store)(x + i, T(turned)(T(load)(x + i)));
        for (stride = W; stride < n; stride *= 2)
            for (int64_t start = 0; start < n; start += 2 * stride)
                for (int64_t i = start; i < start + stride; i += W) {
                    T(vf) a = T(load)(x + i), b = T(load)(x + i + stride);
                    T(store)(x + i, a + b);
                    T(store)(x + i + stride, a - b);
                }
        return;
    }
    for (; stride < n; stride *= 2)
        for (int64_t i = 0; i < n; i++)
            if (!(i & stride)) {
                float a = x[i], b = x[i + stride];
                x[i] = a + b;
                x[i + stride] = a - b;
            }
}

#undef SWAPPED
#undef LANES
#undef SIGNS_1
#undef SIGNS_2
#undef SIGNS_4
#undef SIGNS_8
