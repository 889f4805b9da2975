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

/* Decode a group of one token, the `t`th of a crowd, and join its blocks in pairs:
(half, code / 64 and channel, token, code % 64). */
INLINE void T(decode_token)(const struct higgs_scores_job *job, const __m512i table[4][4], const uint8_t *codes, int64_t step,
                            int8_t *to, int64_t t, int64_t crowd) {
    int64_t kinds = job->group / 8 / 64 * 4;
    for (int64_t v = 0; v < kinds / 4; v++) {
        __m512i first = T(every_other)(codes, v, 0, step), second = T(every_other)(codes, v, 1, step);
        struct quarters in_first = T(quarters_of)(first), in_second = T(quarters_of)(second);
        for (int j = 0; j < 4; j++) {
            __m512i x = T(look_up)(first, in_first, table[j]), y = T(look_up)(second, in_second, table[j]);
            int8_t *at = to + ((v * 4 + j) * crowd + t) * 64;
            _mm512_storeu_si512(at, _mm512_add_epi8(x, y));
            _mm512_storeu_si512(at + kinds * crowd * 64, _mm512_sub_epi8(x, y));
        }
    }
}

/* Decode a group of up to CROWD tokens. */
INLINE void T(decode_bytes)(const struct higgs_scores_job *job, const __m512i table[4][4], const uint8_t *codes,
                            int64_t stride, int64_t tokens, int64_t step, int8_t *to) {
    for (int64_t t = 0; t < tokens; t++, codes += stride) {
        for (int64_t i = 0; i < job->group / 4; i += 64) __builtin_prefetch(codes + AHEAD * stride + i);
        T(decode_token)(job, table, codes, step, to, t, CROWD);
    }
}

/* Add to tiles 0 to 2 the products of a tile of keys with three tiles of columns that follow one another. */
INLINE void T(add_tiles)(const int8_t *keys, const int8_t *columns) {
    _tile_loadd(3, keys, 64);
    _tile_loadd(4, columns, 64);
    _tile_dpbssd(0, 3, 4);
    _tile_loadd(5, columns + TILE_BYTES, 64);
    _tile_dpbssd(1, 3, 5);
    _tile_loadd(6, columns + 2 * TILE_BYTES, 64);
    _tile_dpbssd(2, 3, 6);
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
            T(add_tiles)(keys + k * CROWD * 64, columns);
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

static const struct tile_settings T(whole_tiles) = {
    1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

/* Where the digits of half a group stand. */
INLINE const int8_t *T(digits_of)(const struct higgs_scores_job *job, int64_t b, int64_t k, int64_t half, int64_t tiles) {
    return job->digits + ((b * job->groups + k) * 2 + half) * (job->group / 8 / 64 * 4) * tiles * TILE_BYTES;
}

/* The scales of up to 16 tokens. */
INLINE __m512 T(scales_of)(const struct higgs_scores_job *job, int64_t row, int64_t k, int many) {
    uint16_t scale[16] = {0};
    for (int i = 0; i < many; i++) scale[i] = job->scales[(row + i) * job->groups + k];
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)scale));
}

/* A group of tokens first to last where the digits fill three tiles: while the tiles multiply 16 tokens, the next 16 are
decoded, as neither waits for the other's units. */
INLINE void T(sums_by_turns)(const struct higgs_scores_job *job, const __m512i table[4][4], int64_t b, int64_t k, int64_t first,
                             int64_t last, int64_t step, int8_t *keys, int32_t *sums) {
    int64_t stride = job->groups * job->group / 4, kinds = job->group / 8 / 64 * 4, crowd = 16 * job->group;
    int64_t each = (16 + 2 * kinds - 1) / (2 * kinds), row = b * job->tokens;
    const uint8_t *codes = job->codes + row * stride + k * job->group / 4;
    for (int64_t t = first; t < first + 16 && t < last; t++)
        T(decode_token)(job, table, codes + t * stride, step, keys, t - first, 16);
    for (int64_t token = first, turn = 0; token < last; token += 16, turn = !turn) {
        const int8_t *here = keys + turn * crowd;
        int many = last - token < 16 ? (int)(last - token) : 16;
        int64_t next = token + 16, end = next + 16 < last ? next + 16 : last;
        __m512 scale = T(scales_of)(job, row + token, k, many);
        for (int64_t half = 0; half < 2; half++) {
            const int8_t *columns = T(digits_of)(job, b, k, half, 3);
            _tile_zero(0);
            _tile_zero(1);
            _tile_zero(2);
            for (int64_t n = 0; n < kinds; n++, here += TILE_BYTES, columns += 3 * TILE_BYTES) {
                T(add_tiles)(here, columns);
                for (int64_t i = 0; i < each && next < end; i++, next++) {
                    for (int64_t c = 0; c < job->group / 4; c += 64) __builtin_prefetch(codes + (next + 16) * stride + c);
                    T(decode_token)(job, table, codes + next * stride, step, keys + !turn * crowd, next - token - 16, 16);
                }
            }
            _tile_stored(0, sums, 3 * 64);
            _tile_stored(1, sums + 16, 3 * 64);
            _tile_stored(2, sums + 32, 3 * 64);
            T(put_together)(job, sums, 48, b, k, half, token, many, scale);
        }
    }
}

static void T(higgs_sums)(const void *what, int64_t item, int member) {
    const struct higgs_scores_job *job = what;
    int64_t slices = (job->tokens + SLICE - 1) / SLICE, b = item / slices, first = item % slices * SLICE;
    int64_t last = first + SLICE < job->tokens ? first + SLICE : job->tokens, step = job->size / 4;
    int64_t stride = job->groups * job->group / 4, kinds = job->group / 8 / 64 * 4, columns = T(columns)(job);
    int8_t *keys = (int8_t *)(job->scratch + member * (job->group * CROWD / 4 + 16 * columns + 64));
    int32_t *sums = (int32_t *)(keys + job->group * CROWD);
    __m512i table[4][4];
    for (int j = 0; j < 4; j++)
        for (int n = 0; n < 4; n++) table[j][n] = _mm512_loadu_si512(job->points + j * 256 + n * 64);
    _tile_loadconfig(&T(whole_tiles));
    if (columns == 48)
        for (int64_t k = 0; k < job->groups; k++) {
            if (step == 32) T(sums_by_turns)(job, table, b, k, first, last, 32, keys, sums);
            else if (step == 16) T(sums_by_turns)(job, table, b, k, first, last, 16, keys, sums);
            else T(sums_by_turns)(job, table, b, k, first, last, step, keys, sums);
        }
    else
        for (int64_t token = first; token < last; token += CROWD)
            for (int64_t k = 0; k < job->groups; k++) {
                int64_t here = last - token < CROWD ? last - token : CROWD, row = b * job->tokens + token;
                const uint8_t *codes = job->codes + row * stride + k * job->group / 4;
                T(decode_bytes)(job, table, codes, stride, here, step, keys);
                for (int64_t half = 0; half < 2; half++)
                    for (int64_t t = 0; t < here; t += 16) {
                        int many = here - t < 16 ? (int)(here - t) : 16;
                        const int8_t *digits = T(digits_of)(job, b, k, half, columns / 16);
                        T(multiply_tiles)(keys + (half * kinds * CROWD + t) * 64, digits, kinds, columns / 16, sums);
                        T(put_together)(job, sums, columns, b, k, half, token + t, many,
                                        T(scales_of)(job, row + t, k, many));
                    }
            }
    _tile_release();
}

/* Products of a low rank, as sums of products of bfloat16, which tiles take. A bfloat16 is one part; a float32 is the
sum of three, and of their nine products the six are taken that float32 would still feel. */

#define BAND 32 /* rows, and channels, that are multiplied together, and a tile's depth */

INLINE int64_t T(deep)(int64_t rank) { return (rank + BAND - 1) / BAND * BAND; }

/* Cut 16 floats into the high halves of `parts` that have their sum. */
INLINE void T(cut)(__m512 x, __m512i part[3], int parts) {
    const __m512i high = _mm512_set1_epi32((int)0xFFFF0000u);
    for (int n = 0; n < parts; n++) {
        part[n] = _mm512_and_si512((__m512i)x, high);
        x -= (__m512)part[n];
    }
}

/* 16 channels of a row of the right factor; zeros below its last row. */
INLINE __m512 T(right_row)(const struct low_rank_read_job *job, int64_t b, int64_t h, int64_t k, int64_t c, int parts) {
    int64_t from = ((b * job->rank + k) * job->heads + h) * job->size + c;
    if (k >= job->rank) return _mm512_setzero_ps();
    if (parts == 3) return _mm512_loadu_ps((const float *)job->right16 + from);
    __m256i x = _mm256_loadu_si256((const __m256i *)((const uint16_t *)job->right16 + from));
    return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16);
}

/* One head's right factor: (part, rank / 32, channels / 16) tiles of (rank / 2, channel, rank % 2). */
INLINE void T(right_tiles)(const struct low_rank_read_job *job, int64_t b, int64_t h, uint16_t *to, int parts) {
    int64_t depth = T(deep)(job->rank), size = job->size;
    for (int64_t k = 0; k < depth; k += 2)
        for (int64_t c = 0; c < size; c += 16) {
            uint16_t *at = to + (k / BAND * (size / 16) + c / 16) * (TILE_BYTES / 2) + k % BAND / 2 * 32;
            __m512i even[3], odd[3];
            T(cut)(T(right_row)(job, b, h, k, c, parts), even, parts);
            T(cut)(T(right_row)(job, b, h, k + 1, c, parts), odd, parts);
            for (int p = 0; p < parts; p++)
                _mm512_storeu_si512(at + p * depth * size, _mm512_or_si512(_mm512_srli_epi32(even[p], 16), odd[p]));
        }
}

/* Rows of the left factor: (part, BAND, rank). */
INLINE void T(left_bands)(const struct low_rank_read_job *job, int64_t b, const int64_t *at, int64_t many, uint16_t *to, int parts) {
    int64_t depth = T(deep)(job->rank);
    for (int64_t n = 0; n < BAND; n++) {
        int64_t from = (b * job->tokens + at[n < many ? n : many - 1]) * job->rank;
        uint16_t *row = to + n * depth;
        if (parts == 1) {
            memcpy(row, (const uint16_t *)job->left16 + from, sizeof(uint16_t) * (size_t)job->rank);
            continue;
        }
        for (int64_t k = 0; k < job->rank; k += 16) {
            __mmask16 some = job->rank - k < 16 ? (__mmask16)((1u << (job->rank - k)) - 1) : (__mmask16)0xFFFF;
            __m512i part[3];
            T(cut)(_mm512_maskz_loadu_ps(some, (const float *)job->left16 + from + k), part, 3);
            for (int p = 0; p < 3; p++)
                _mm256_mask_storeu_epi16(row + p * BAND * depth + k, some, _mm512_cvtepi32_epi16(_mm512_srli_epi32(part[p], 16)));
        }
    }
}

#define LEFT(part)                                                                      \
    _tile_loadd(4, left + (part) * BAND * depth + k, depth * 2);                        \
    _tile_loadd(5, left + (part) * BAND * depth + BAND / 2 * depth + k, depth * 2);
#define RIGHT(part)                                                                     \
    _tile_loadd(6, right + (part) * depth * size + tile, 64);                           \
    _tile_loadd(7, right + (part) * depth * size + tile + TILE_BYTES / 2, 64);
#define ADD                                                                             \
    _tile_dpbf16ps(0, 4, 6);                                                            \
    _tile_dpbf16ps(1, 4, 7);                                                            \
    _tile_dpbf16ps(2, 5, 6);                                                            \
    _tile_dpbf16ps(3, 5, 7);

/* BAND rows by all channels; meanwhile, memory is asked for the next rows, `next` of them. */
INLINE void T(multiply_bands)(const struct low_rank_read_job *job, const uint16_t *left, const uint16_t *right, int64_t depth,
                              int parts, float *to, const int64_t *at, int64_t next, int64_t b) {
    int64_t size = job->size, asked = 0, steps = depth / BAND * (size / BAND), each = (next + steps - 1) / steps;
    for (int64_t c = 0; c < size; c += BAND) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (int64_t k = 0; k < depth; k += BAND) {
            for (int64_t n = 0; n < each && asked < next; n++, asked++)
                low_rank_ask_avx512(job, b, at[asked], parts == 1);
            int64_t tile = (k / BAND * (size / 16) + c / 16) * (TILE_BYTES / 2);
            LEFT(0)
            if (parts == 3) { /* in an order in which one side stays each time, the small ones first */
                RIGHT(2)
                ADD
                RIGHT(1)
                ADD
                LEFT(1)
                ADD
                RIGHT(0)
                ADD
                LEFT(2)
                ADD
                LEFT(0)
                ADD
            } else {
                RIGHT(0)
                ADD
            }
        }
        _tile_stored(0, to + c, size * 4);
        _tile_stored(1, to + c + 16, size * 4);
        _tile_stored(2, to + BAND / 2 * size + c, size * 4);
        _tile_stored(3, to + BAND / 2 * size + c + 16, size * 4);
    }
}

#undef LEFT
#undef RIGHT
#undef ADD

INLINE void T(low_rank_slice)(const struct low_rank_read_job *job, int64_t item, int member, int parts) {
    int64_t slices = (job->rows_per_plane + SLICE - 1) / SLICE, plane = item / slices, first = item % slices * SLICE;
    int64_t last = first + SLICE < job->rows_per_plane ? first + SLICE : job->rows_per_plane;
    int64_t depth = T(deep)(job->rank), size = job->size, b = plane / job->heads;
    uint16_t *right = (uint16_t *)(job->scratch + member * job->scratch_size), *left = right + parts * depth * size;
    float *rows = (float *)(left + parts * BAND * depth);
    _tile_loadconfig(&T(whole_tiles));
    memset(left, 0, sizeof(uint16_t) * (size_t)(parts * BAND * depth));
    T(right_tiles)(job, b, plane % job->heads, right, parts);
    for (int64_t row = first; row < last; row += BAND) {
        int64_t many = last - row < BAND ? last - row : BAND, here = plane * job->rows_per_plane + row;
        T(left_bands)(job, b, job->at + here, many, left, parts);
        int64_t next = last - row - many < BAND ? last - row - many : BAND;
        T(multiply_bands)(job, left, right, depth, parts, rows, job->at + here + many, next, b);
        low_rank_place_avx512(job, rows, here, many);
    }
    _tile_release();
}

static void T(low_rank_bands)(const void *what, int64_t item, int member) {
    const struct low_rank_read_job *job = what;
    if (job->half) T(low_rank_slice)(job, item, member, 1);
    else T(low_rank_slice)(job, item, member, 3);
}

#undef BAND
#undef CROWD
#undef DIGITS
#undef LEAST
#undef GREATEST
#undef TILE_BYTES
