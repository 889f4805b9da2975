/* Scores of codes in whole numbers, on processors with AMX. Included once, for 4 channels a code.

The grid's points are multiples of a step that fit a signed byte even when two of them are joined (build_grids.py), and
a query is a sum of three digits of 8 bits, 23 bits together, so that products and sums are exact, and what is lost is
the rounding of float32.

The blocks of a group stand for sums over all of its heads (a Hadamard transform across blocks), and neighbouring
heads differ in the sign of every other block alone. So blocks are joined in pairs, b[2i] + b[2i + 1] for the even
heads of a group and b[2i] - b[2i + 1] for the odd ones, and the rest of the transform moves to the queries, where it
is done once a step. */

#define CROWD 64    /* tokens that are decoded together */
#define DIGITS 3    /* of a query */
#define LEAST 65536 /* what the first digit stands for */
#define GREATEST 8000000.0f
#define TILE_BYTES 1024

/* Columns of one half's digits: each digit of all its queries side by side, filled up to whole tiles. */
INLINE int64_t T(columns)(const struct higgs_scores_job *job) {
    int64_t queries = job->group / job->size / 2 * job->per_head;
    return (DIGITS * queries + 15) / 16 * 16;
}

/* Cut the queries of one head into digits and place them where the tiles want them:
(group, half, code / 64 and channel, tile of columns) and in a tile (code / 4, column, code % 4). */
static void T(higgs_digits)(const void *what, int64_t item, int member) {
    const struct higgs_scores_job *job = what;
    int64_t heads = job->group / job->size, h = item % job->heads, half = h % heads % 2, tiles = T(columns)(job) / 16;
    int64_t queries = heads / 2 * job->per_head, step = job->size / 4, kinds = job->group / 8 / 64 * 4;
    int8_t *to = job->digits + (item / heads * 2 + half) * kinds * tiles * TILE_BYTES;
    (void)member;
    for (int64_t g = 0; g < job->per_head; g++) {
        const float *query = job->query + (item * job->per_head + g) * job->size;
        float most = 0, sound = 0;
        for (int64_t i = 0; i < job->size; i++) {
            float x = fabsf(query[i]);
            most = x > most ? x : most;
            sound += x * 0; /* no number, or infinite, if one of them is */
        }
        float unit = most > 0 ? GREATEST / most : 0;
        job->steps[item * job->per_head + g] = most / GREATEST * job->step / sqrtf((float)heads) + sound;
        int8_t digit[2][DIGITS][4][1024]; /* of the query and of its negative */
        for (int64_t i = 0; i < job->size; i++) {
            int32_t value = (int32_t)lrintf((sound == 0 ? query[i] : 0) * unit);
            for (int negative = 0; negative < 2; negative++) {
                int32_t rest = negative ? -value : value;
                for (int n = DIGITS - 1; n >= 0; n--) {
                    int8_t low = (int8_t)(uint8_t)(rest & 255);
                    digit[negative][n][i % 4][i / 4] = low;
                    rest = (rest - low) >> 8;
                }
            }
        }
        for (int64_t pair = 0; pair < heads / 2; pair++) {
            int negative = __builtin_popcountll((uint64_t)(h % heads & 2 * pair)) & 1;
            for (int n = 0; n < DIGITS; n++) {
                int64_t column = n * queries + h % heads / 2 * job->per_head + g;
                for (int64_t r = 0; r < step; r += 4)
                    for (int j = 0; j < 4; j++) {
                        int64_t code = pair * step + r, kind = code / 64 * 4 + j;
                        int8_t *tile = to + (kind * tiles + column / 16) * TILE_BYTES;
                        memcpy(tile + code % 64 / 4 * 64 + column % 16 * 4, &digit[negative][n][j][r], 4);
                    }
            }
        }
    }
}

/* Codes 64 * v and on of every other block, from the first (0) or the second (1). */
INLINE __m512i T(every_other)(const uint8_t *codes, int64_t v, int second, int64_t step) {
    if (step == 16) {
        codes += 128 * v + 16 * second;
        __m512i x = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)codes));
        x = _mm512_inserti32x4(x, _mm_loadu_si128((const __m128i *)(codes + 32)), 1);
        x = _mm512_inserti32x4(x, _mm_loadu_si128((const __m128i *)(codes + 64)), 2);
        return _mm512_inserti32x4(x, _mm_loadu_si128((const __m128i *)(codes + 96)), 3);
    }
    if (step == 32) {
        codes += 128 * v + 32 * second;
        __m512i x = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)codes));
        return _mm512_inserti64x4(x, _mm256_loadu_si256((const __m256i *)(codes + 64)), 1);
    }
    return _mm512_loadu_si512(codes + (64 * v / step * 2 + second) * step + 64 * v % step);
}

/* Which of the table's quarters each of 64 codes is in. */
struct quarters {
    __mmask64 second, third, fourth;
};

INLINE struct quarters T(quarters_of)(__m512i codes) {
    __mmask64 high = _mm512_movepi8_mask(codes), low = _mm512_movepi8_mask(_mm512_slli_epi16(codes, 1));
    return (struct quarters){low & ~high, high & ~low, high & low};
}

INLINE __m512i T(look_up)(__m512i codes, struct quarters quarter, const __m512i table[4]) {
    __m512i x = _mm512_permutexvar_epi8(codes, table[0]);
    x = _mm512_mask_permutexvar_epi8(x, quarter.second, codes, table[1]);
    x = _mm512_mask_permutexvar_epi8(x, quarter.third, codes, table[2]);
    return _mm512_mask_permutexvar_epi8(x, quarter.fourth, codes, table[3]);
}

/* Decode a group of up to CROWD tokens and join its blocks in pairs: (half, code / 64 and channel, token, code % 64). */
INLINE void T(decode_bytes)(const struct higgs_scores_job *job, const __m512i table[4][4], const uint8_t *codes,
                            int64_t stride, int64_t tokens, int64_t step, int8_t *to) {
    int64_t kinds = job->group / 8 / 64 * 4;
    for (int64_t t = 0; t < tokens; t++, codes += stride) {
        for (int64_t i = 0; i < job->group / 4; i += 64) __builtin_prefetch(codes + AHEAD * stride + i);
        for (int64_t v = 0; v < kinds / 4; v++) {
            __m512i first = T(every_other)(codes, v, 0, step), second = T(every_other)(codes, v, 1, step);
            struct quarters in_first = T(quarters_of)(first), in_second = T(quarters_of)(second);
            for (int j = 0; j < 4; j++) {
                __m512i x = T(look_up)(first, in_first, table[j]), y = T(look_up)(second, in_second, table[j]);
                int8_t *at = to + ((v * 4 + j) * CROWD + t) * 64;
                _mm512_storeu_si512(at, _mm512_add_epi8(x, y));
                _mm512_storeu_si512(at + kinds * CROWD * 64, _mm512_sub_epi8(x, y));
            }
        }
    }
}

/* Sums of 16 tokens with all columns of a half, up to three tiles of columns at once. */
INLINE void T(multiply_tiles)(const int8_t *keys, const int8_t *digits, int64_t kinds, int64_t tiles, int32_t *sums) {
    int64_t n = 0, stride = tiles * 64;
    for (; n + 3 <= tiles; n += 3) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        for (int64_t k = 0; k < kinds; k++) {
            const int8_t *columns = digits + (k * tiles + n) * TILE_BYTES;
            _tile_loadd(3, keys + k * CROWD * 64, 64);
            _tile_loadd(4, columns, 64);
            _tile_dpbssd(0, 3, 4);
            _tile_loadd(5, columns + TILE_BYTES, 64);
            _tile_dpbssd(1, 3, 5);
            _tile_loadd(6, columns + 2 * TILE_BYTES, 64);
            _tile_dpbssd(2, 3, 6);
        }
        _tile_stored(0, sums + n * 16, stride);
        _tile_stored(1, sums + n * 16 + 16, stride);
        _tile_stored(2, sums + n * 16 + 32, stride);
    }
    for (; n < tiles; n++) {
        _tile_zero(0);
        for (int64_t k = 0; k < kinds; k++) {
            _tile_loadd(3, keys + k * CROWD * 64, 64);
            _tile_loadd(4, digits + (k * tiles + n) * TILE_BYTES, 64);
            _tile_dpbssd(0, 3, 4);
        }
        _tile_stored(0, sums + n * 16, stride);
    }
}

/* 16 vectors of 16 floats, rows for columns. */
INLINE void T(transpose)(__m512 x[16]) {
    __m512 y[16];
    for (int i = 0; i < 16; i += 2) {
        y[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int k = 0; k < 2; k++) {
            x[i + 2 * k] = (__m512)_mm512_unpacklo_pd((__m512d)y[i + k], (__m512d)y[i + 2 + k]);
            x[i + 2 * k + 1] = (__m512)_mm512_unpackhi_pd((__m512d)y[i + k], (__m512d)y[i + 2 + k]);
        }
    for (int k = 0; k < 4; k++) {
        __m512 a = _mm512_shuffle_f32x4(x[k], x[k + 4], 0x88), b = _mm512_shuffle_f32x4(x[k + 8], x[k + 12], 0x88);
        __m512 c = _mm512_shuffle_f32x4(x[k], x[k + 4], 0xDD), d = _mm512_shuffle_f32x4(x[k + 8], x[k + 12], 0xDD);
        y[k] = _mm512_shuffle_f32x4(a, b, 0x88);
        y[k + 8] = _mm512_shuffle_f32x4(a, b, 0xDD);
        y[k + 4] = _mm512_shuffle_f32x4(c, d, 0x88);
        y[k + 12] = _mm512_shuffle_f32x4(c, d, 0xDD);
    }
    memcpy(x, y, sizeof y);
}

/* Put the digits' sums of up to 16 tokens together, and scale them. */
INLINE void T(put_together)(const struct higgs_scores_job *job, const int32_t *sums, int64_t columns, int64_t b, int64_t k,
                            int64_t half, int64_t token, int here, __m512 scale) {
    int64_t heads = job->group / job->size, queries = heads / 2 * job->per_head;
    __mmask16 some = (__mmask16)((1u << here) - 1);
    for (int64_t q = 0; q < queries; q += 16) {
        __m512 x[16];
        for (int t = 0; t < 16; t++) {
            const int32_t *at = sums + t * columns + q;
            __m512 sum = _mm512_cvtepi32_ps(_mm512_loadu_si512(at)) * (float)LEAST;
            sum += _mm512_cvtepi32_ps(_mm512_loadu_si512(at + queries)) * 256.0f;
            x[t] = sum + _mm512_cvtepi32_ps(_mm512_loadu_si512(at + 2 * queries));
        }
        T(transpose)(x);
        for (int64_t i = 0; i < 16 && q + i < queries; i++) {
            int64_t h = k * heads + (q + i) / job->per_head * 2 + half, g = (q + i) % job->per_head;
            int64_t plane = (b * job->heads + h) * job->per_head + g;
            _mm512_mask_storeu_ps(job->scores + plane * job->tokens + token, some, x[i] * scale * job->steps[plane]);
        }
    }
}

struct tile_settings {
    uint8_t palette, start, nothing[14];
    uint16_t bytes[16];
    uint8_t rows[16];
};

static void T(higgs_sums)(const void *what, int64_t item, int member) {
    const struct higgs_scores_job *job = what;
    int64_t slices = (job->tokens + SLICE - 1) / SLICE, b = item / slices, first = item % slices * SLICE;
    int64_t last = first + SLICE < job->tokens ? first + SLICE : job->tokens, step = job->size / 4;
    int64_t stride = job->groups * job->group / 4, kinds = job->group / 8 / 64 * 4, columns = T(columns)(job);
    int8_t *keys = (int8_t *)(job->scratch + member * (job->group * CROWD / 4 + 16 * columns + 64));
    int32_t *sums = (int32_t *)(keys + job->group * CROWD);
    struct tile_settings settings = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    __m512i table[4][4];
    for (int j = 0; j < 4; j++)
        for (int n = 0; n < 4; n++) table[j][n] = _mm512_loadu_si512(job->points + j * 256 + n * 64);
    _tile_loadconfig(&settings);
    for (int64_t token = first; token < last; token += CROWD)
        for (int64_t k = 0; k < job->groups; k++) {
            int64_t here = last - token < CROWD ? last - token : CROWD, row = b * job->tokens + token;
            const uint8_t *codes = job->codes + row * stride + k * job->group / 4;
            if (step == 32) T(decode_bytes)(job, table, codes, stride, here, 32, keys);
            else if (step == 16) T(decode_bytes)(job, table, codes, stride, here, 16, keys);
            else T(decode_bytes)(job, table, codes, stride, here, step, keys);
            for (int64_t half = 0; half < 2; half++)
                for (int64_t t = 0; t < here; t += 16) {
                    int many = here - t < 16 ? (int)(here - t) : 16;
                    uint16_t scale[16] = {0};
                    for (int i = 0; i < many; i++) scale[i] = job->scales[(row + t + i) * job->groups + k];
                    int64_t digits = ((b * job->groups + k) * 2 + half) * kinds * columns / 16 * TILE_BYTES;
                    T(multiply_tiles)(keys + (half * kinds * CROWD + t) * 64, job->digits + digits, kinds, columns / 16, sums);
                    T(put_together)(job, sums, columns, b, k, half, token + t, many,
                                    _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)scale)));
                }
        }
    _tile_release();
}

#undef CROWD
#undef DIGITS
#undef LEAST
#undef GREATEST
#undef TILE_BYTES
