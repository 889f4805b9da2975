/* Scores: q.k for codes and for rows, and the ranking by softmax. */

/* Decode a tile of tokens, quad after quad of channels: tile[channel / 4][token][channel % 4]. A token's codes lie
`stride` after those of the token before. */
INLINE void T(decode_tile)(const float *restrict grid, const uint8_t *restrict codes, int64_t stride, float *restrict tile, int d) {
    for (int t = 0; t < TILE; t++)
        for (int64_t p = 0; p < stride; p++) {
            const float *point = grid + (int64_t)codes[t * stride + p] * d;
            if (d == 4) memcpy(tile + (p * TILE + t) * 4, point, 16);
            if (d == 2) memcpy(tile + ((p / 2) * TILE + t) * 4 + (p % 2) * 2, point, 8);
            if (d == 8) {
                memcpy(tile + (2 * p * TILE + t) * 4, point, 16);
                memcpy(tile + ((2 * p + 1) * TILE + t) * 4, point + 4, 16);
            }
        }
}

#define PARTS (TILE * 4 / W) /* vectors in a quad of a tile */

/* Join `many` vectors that lie `stride` floats apart: a Hadamard transform across blocks. */
INLINE void T(join)(float *at, int64_t stride, int many, T(vf) scale) {
    T(vf) x[8];
    for (int j = 0; j < many; j++) x[j] = T(load)(at + j * stride) * scale;
    for (int half = 1; half < many; half *= 2)
        for (int j = 0; j < many; j++)
            if (!(j & half)) {
                T(vf) a = x[j], b = x[j + half];
                x[j] = a + b;
                x[j + half] = a - b;
            }
    for (int j = 0; j < many; j++) T(store)(at + j * stride, x[j]);
}

INLINE void T(join_all)(float *start, int64_t blocks, int64_t block, int64_t step, int many, const float *scale) {
    int64_t size = block * TILE;
    for (int64_t high = 0; high < blocks; high += step * many)
        for (int64_t low = 0; low < step; low++)
            for (int64_t i = 0; i < size; i += 4 * TILE)
                for (int v = 0; v < PARTS; v++)
                    T(join)(start + (high + low) * size + i + v * W, step * size, many, T(load)(scale + v * W));
}

/* Scale a group of a tile and join its blocks. */
INLINE void T(join_group)(float *start, int64_t blocks, int64_t block, const float *scale) {
    static const float ones[4 * TILE] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                         1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    int64_t step = 1;
    do {
        const float *by = step == 1 ? scale : ones;
        int64_t left = blocks / step;
        if (left >= 8) {
            T(join_all)(start, blocks, block, step, 8, by);
            step *= 8;
        } else if (left == 4) {
            T(join_all)(start, blocks, block, step, 4, by);
            step *= 4;
        } else if (left == 2) {
            T(join_all)(start, blocks, block, step, 2, by);
            step *= 2;
        } else {
            T(join_all)(start, blocks, block, step, 1, by);
        }
    } while (step < blocks);
}

/* The grid points at place `p` of W / 4 tokens. */
INLINE T(vf) T(points)(const float *restrict grid, const uint8_t *const codes[4], int64_t p) {
#if W == 16
    __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(grid + 4 * (uint64_t)codes[0][p]));
    x = _mm512_insertf32x4(x, _mm_loadu_ps(grid + 4 * (uint64_t)codes[1][p]), 1);
    x = _mm512_insertf32x4(x, _mm_loadu_ps(grid + 4 * (uint64_t)codes[2][p]), 2);
    return (T(vf))_mm512_insertf32x4(x, _mm_loadu_ps(grid + 4 * (uint64_t)codes[3][p]), 3);
#elif W == 8
    __m256 x = _mm256_castps128_ps256(_mm_loadu_ps(grid + 4 * (uint64_t)codes[0][p]));
    return (T(vf))_mm256_insertf128_ps(x, _mm_loadu_ps(grid + 4 * (uint64_t)codes[1][p]), 1);
#else
    return T(load)(grid + 4 * (uint64_t)codes[0][p]);
#endif
}

/* Decode a group of a tile for d = 4 and join its blocks of `step` codes, `many` of them, on the way. */
INLINE void T(decode_joined)(const float *restrict grid, const uint8_t *restrict codes, int64_t stride, float *restrict tile,
                             int64_t step, int many) {
    for (int v = 0; v < PARTS; v++) {
        const uint8_t *rows[4];
        for (int t = 0; t < W / 4; t++) rows[t] = codes + (v * (W / 4) + t) * stride;
#pragma GCC unroll 1
        for (int64_t p = 0; p < step; p++) {
            T(vf) x[8];
            for (int j = 0; j < many; j++) x[j] = T(points)(grid, rows, p + j * step);
            for (int half = 1; half < many; half *= 2)
                for (int j = 0; j < many; j++)
                    if (!(j & half)) {
                        T(vf) a = x[j], b = x[j + half];
                        x[j] = a + b;
                        x[j + half] = a - b;
                    }
            for (int j = 0; j < many; j++) T(store)(tile + (p + j * step) * 4 * TILE + v * W, x[j]);
        }
    }
}

/* Apart from their caller, so that the compiler has its registers for the few pointers of the inner loop. */
#define APART(many)                                                                                                  \
    static __attribute__((noinline)) void T(decode_joined_##many)(const float *grid, const uint8_t *codes, int64_t stride, \
                                                                  float *tile, int64_t step) {                        \
        if (step == 32) T(decode_joined)(grid, codes, stride, tile, 32, many);                                        \
        else if (step == 16) T(decode_joined)(grid, codes, stride, tile, 16, many);                                   \
        else T(decode_joined)(grid, codes, stride, tile, step, many);                                                 \
    }
APART(1)
APART(2)
APART(4)
APART(8)
#undef APART

static __attribute__((noinline)) void T(decode)(const struct higgs_scores_job *job, const uint8_t *codes, int64_t stride, float *tile) {
    if (job->d == 2) T(decode_tile)(job->grid, codes, stride, tile, 2);
    if (job->d == 4) T(decode_tile)(job->grid, codes, stride, tile, 4);
    if (job->d == 8) T(decode_tile)(job->grid, codes, stride, tile, 8);
}

/* Sums over the four channels of every quad: out[g][t] for TILE tokens. */
INLINE void T(close_tile)(T(vf) sums[4][PARTS], int many, float out[4][TILE]) {
#if W == 16
    if (many == 4) {
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        for (int v = 0; v < PARTS; v++) {
            __m512 a = (__m512)sums[0][v], b = (__m512)sums[1][v], c = (__m512)sums[2][v], d = (__m512)sums[3][v];
            __m512d ab = (__m512d)(_mm512_unpacklo_ps(a, b) + _mm512_unpackhi_ps(a, b));
            __m512d cd = (__m512d)(_mm512_unpacklo_ps(c, d) + _mm512_unpackhi_ps(c, d));
            __m512 all = (__m512)_mm512_unpacklo_pd(ab, cd) + (__m512)_mm512_unpackhi_pd(ab, cd);
            all = _mm512_permutexvar_ps(order, all); /* four tokens of the first query, of the second, ... */
            _mm_storeu_ps(out[0] + 4 * v, _mm512_castps512_ps128(all));
            _mm_storeu_ps(out[1] + 4 * v, _mm512_extractf32x4_ps(all, 1));
            _mm_storeu_ps(out[2] + 4 * v, _mm512_extractf32x4_ps(all, 2));
            _mm_storeu_ps(out[3] + 4 * v, _mm512_extractf32x4_ps(all, 3));
        }
        return;
    }
#endif
    for (int g = 0; g < many; g++) {
        float x[4 * TILE];
        for (int v = 0; v < PARTS; v++) T(store)(x + v * W, sums[g][v]);
        for (int t = 0; t < TILE; t++) out[g][t] = (x[4 * t] + x[4 * t + 1]) + (x[4 * t + 2] + x[4 * t + 3]);
    }
}

/* Dot `many` queries with one head of a tile. */
INLINE void T(dot_tile)(const float *tile, const float *query, int64_t size, int many, float out[4][TILE]) {
    T(vf) sums[4][PARTS];
#if W == 16
#define AT_ONCE PARTS
#else
#define AT_ONCE 2
#endif
    for (int v = 0; v < PARTS; v += AT_ONCE) {
        T(vf) sum[4][2][AT_ONCE]; /* two sums of each, so that additions need not wait for one another */
        for (int g = 0; g < many; g++)
            for (int i = 0; i < AT_ONCE; i++) sum[g][0][i] = sum[g][1][i] = T(spread)(0);
        int64_t c = 0;
        for (; c + 8 <= size; c += 8)
            for (int n = 0; n < 2; n++) {
                T(vf) keys[AT_ONCE];
                for (int i = 0; i < AT_ONCE; i++) keys[i] = T(load)(tile + (c + 4 * n) * TILE + (v + i) * W);
                for (int g = 0; g < many; g++) {
                    T(vf) q = T(repeat)(query + g * size + c + 4 * n);
                    for (int i = 0; i < AT_ONCE; i++) sum[g][n][i] += q * keys[i];
                }
            }
        for (; c < size; c += 4)
            for (int g = 0; g < many; g++)
                for (int i = 0; i < AT_ONCE; i++)
                    sum[g][0][i] += T(repeat)(query + g * size + c) * T(load)(tile + c * TILE + (v + i) * W);
        for (int g = 0; g < many; g++)
            for (int i = 0; i < AT_ONCE; i++) sums[g][v + i] = sum[g][0][i] + sum[g][1][i];
    }
#undef AT_ONCE
    T(close_tile)(sums, many, out);
}

/* Keys of a tile, decoded and joined. */
INLINE void T(make_tile)(const struct higgs_scores_job *job, const uint8_t *codes, const float *scales, float *tile, int joined) {
    int64_t stride = job->groups * job->group / job->d, blocks = job->group / job->block, step = job->block / 4;
    if (!joined) T(decode)(job, codes, stride, tile);
    for (int64_t k = 0; k < job->groups; k++) {
        float *to = tile + k * job->group * TILE, scale[4 * TILE];
        const uint8_t *from = codes + k * job->group / job->d;
        if (joined) {
            if (blocks == 8) T(decode_joined_8)(job->grid, from, stride, to, step);
            if (blocks == 4) T(decode_joined_4)(job->grid, from, stride, to, step);
            if (blocks == 2) T(decode_joined_2)(job->grid, from, stride, to, step);
            if (blocks == 1) T(decode_joined_1)(job->grid, from, stride, to, step);
            continue;
        }
        for (int i = 0; i < 4 * TILE; i++) scale[i] = scales[i / 4 * job->groups + k];
        T(join_group)(to, blocks, job->block, scale);
    }
}

/* Scores of a tile whose first `here` tokens are real. */
INLINE void T(score_tile)(const struct higgs_scores_job *job, const float *tile, const float *scales, int64_t b,
                          int64_t token, int here, int joined) {
    float norm = 1.0f / sqrtf((float)(job->group / job->block)), scale[TILE], out[4][TILE];
    int64_t scaled = -1;
    for (int t = 0; t < TILE; t++) scale[t] = norm;
    for (int64_t h = 0; h < job->heads; h++) {
        int64_t plane = (b * job->heads + h) * job->per_head, k = h * job->size / job->group;
        if (joined && k != scaled) {
            for (int t = 0; t < TILE; t++) scale[t] = norm * scales[t * job->groups + k];
            scaled = k;
        }
        for (int64_t g = 0; g < job->per_head; g += 4) {
            const float *query = job->query + (plane + g) * job->size, *keys = tile + h * job->size * TILE;
            float *scores = job->scores + (plane + g) * job->tokens + token;
            int many = job->per_head - g < 4 ? (int)(job->per_head - g) : 4;
            if (many == 4) T(dot_tile)(keys, query, job->size, 4, out);
            if (many == 3) T(dot_tile)(keys, query, job->size, 3, out);
            if (many == 2) T(dot_tile)(keys, query, job->size, 2, out);
            if (many == 1) T(dot_tile)(keys, query, job->size, 1, out);
            for (int i = 0; i < many; i++) {
                for (int t = 0; t < TILE; t++) out[i][t] *= scale[t];
                if (here == TILE) memcpy(scores + i * job->tokens, out[i], sizeof(float) * TILE);
                else memcpy(scores + i * job->tokens, out[i], sizeof(float) * (size_t)here);
            }
        }
    }
}

static void T(higgs_scores)(const void *what, int64_t item, int member) {
    const struct higgs_scores_job *job = what;
    int64_t slices = (job->tokens + SLICE - 1) / SLICE, b = item / slices, first = item % slices * SLICE;
    int64_t last = first + SLICE < job->tokens ? first + SLICE : job->tokens;
    int64_t channels = job->groups * job->group, stride = channels / job->d;
    /* Where a head lies in one group, the group's scale can wait until the sum is there. */
    int joined = job->d == 4 && job->group % job->size == 0 && job->group / job->block <= 8;
    float *tile = job->scratch + member * (channels * TILE + channels * TILE / 4 + TILE * job->groups);
    float *scales = tile + channels * TILE;
    uint8_t *filled = (uint8_t *)(scales + TILE * job->groups);
    for (int64_t token = first; token < last; token += TILE) {
        int here = last - token < TILE ? (int)(last - token) : TILE;
        int64_t row = b * job->tokens + token;
        const uint8_t *codes = job->codes + row * stride;
        T(half_floats)(job->scales + row * job->groups, scales, here * job->groups);
        if (here < TILE) { /* fill the tile up with its last token */
            for (int t = 0; t < TILE; t++) memcpy(filled + t * stride, codes + (t < here ? t : here - 1) * stride, (size_t)stride);
            for (int64_t i = here * job->groups; i < TILE * job->groups; i++) scales[i] = scales[i - job->groups];
            codes = filled;
        }
        T(make_tile)(job, codes, scales, tile, joined);
        T(score_tile)(job, tile, scales, b, token, here, joined);
    }
}

#undef PARTS

static void T(turn_query)(const void *what, int64_t row, int member) {
    const struct turn_query_job *job = what;
    const float *signs = job->signs ? job->signs + row / job->per_head % job->heads * job->size : NULL;
    float *turned = job->turned + row * job->size, scale = 1 / sqrtf((float)job->block);
    (void)member;
    for (int64_t i = 0; i < job->size; i++) {
        turned[i] = T(one)(job->query16, row * job->size + i, job->half != 0);
        if (signs) turned[i] *= signs[i];
    }
    for (int64_t i = 0; i < job->size; i += job->block) T(hadamard)(turned + i, job->block, scale);
}

/* Dot one row with `many` queries that lie `size` apart. */
INLINE void T(dots)(const void *row, int64_t at, const float *query, int64_t size, int many, int half, float out[4]) {
    T(vf) sum[4];
    for (int g = 0; g < many; g++) sum[g] = T(spread)(0);
    int64_t c = 0;
    for (; c + W <= size; c += W) {
        T(vf) x = T(load_as)(row, at + c, half);
        for (int g = 0; g < many; g++) sum[g] += x * T(load)(query + g * size + c);
    }
    if (many == 4) T(sums)(sum, out);
    else
        for (int g = 0; g < many; g++) out[g] = T(sum)(sum[g]);
    for (; c < size; c++)
        for (int g = 0; g < many; g++) out[g] += T(one)(row, at + c, half) * query[g * size + c];
}

/* Dot four rows with one query. */
INLINE void T(row_dots)(const void *rows, const int64_t at[4], const float *query, int64_t size, int half, float out[4]) {
    T(vf) sum[4];
    for (int n = 0; n < 4; n++) sum[n] = T(spread)(0);
    int64_t c = 0;
    for (; c + W <= size; c += W) {
        T(vf) x = T(load)(query + c);
        for (int n = 0; n < 4; n++) sum[n] += x * T(load_as)(rows, at[n] + c, half);
    }
    T(sums)(sum, out);
    for (; c < size; c++)
        for (int n = 0; n < 4; n++) out[n] += T(one)(rows, at[n] + c, half) * query[c];
}

INLINE void T(some_dots)(const void *row, int64_t at, const float *query, int64_t size, int many, int half, float out[4]) {
    if (many >= 4) T(dots)(row, at, query, size, 4, half, out);
    if (many == 3) T(dots)(row, at, query, size, 3, half, out);
    if (many == 2) T(dots)(row, at, query, size, 2, half, out);
    if (many == 1) T(dots)(row, at, query, size, 1, half, out);
}

INLINE void T(row_slice)(const struct row_scores_job *job, int64_t item, int member, int half) {
    int64_t slices = (job->units + SLICE - 1) / SLICE, plane = item / slices, first = item % slices * SLICE;
    int64_t last = first + SLICE < job->units ? first + SLICE : job->units, channels = job->per_head * job->size;
    float *query = job->scratch + member * channels;
    for (int64_t i = 0; i < channels; i++) {
        float x = T(one)(job->query, plane * channels + i, job->query_half != 0);
        query[i] = (job->part > 0 && x < 0) || (job->part < 0 && x > 0) ? 0 : x;
    }
    for (int64_t u = first; u < last; u++) {
        /* Processors fetch ahead of a stream by themselves, but not across the border of a page. */
        T(ask_for)(job->rows16, (plane * job->units + u + AHEAD) * job->size, job->size, half);
        for (int64_t g = 0; g < job->per_head; g += 4) {
            int many = job->per_head - g < 4 ? (int)(job->per_head - g) : 4;
            float out[4];
            T(some_dots)(job->rows16, (plane * job->units + u) * job->size,
                         query + g * job->size, job->size, many, half, out);
            for (int i = 0; i < many; i++) {
                float *to = job->scores + (plane * job->per_head + g + i) * job->units + u;
                *to = job->add ? *to + out[i] : out[i];
            }
        }
    }
}

static void T(row_scores)(const void *what, int64_t item, int member) {
    const struct row_scores_job *job = what;
    if (job->half) T(row_slice)(job, item, member, 1);
    else T(row_slice)(job, item, member, 0);
}

#define BLOCK 1024 /* scores that stay in the first-level cache between finding their largest and adding them up */

/* The largest of the allowed scores, and the log of the sum of exp(scaling * (score - largest)). `allowed` is NULL
where all are. */
INLINE float T(log_sum)(const float *scores, const uint8_t *allowed, int64_t units, float scaling, float *largest) {
    float most = -INFINITY, total = 0;
    for (int64_t first = 0; first < units; first += BLOCK) {
        int64_t last = first + BLOCK < units ? first + BLOCK : units, u = first;
        T(vf) top = T(spread)(-INFINITY), sum = T(spread)(0);
        for (; u + W <= last; u += W) {
            T(vf) x = T(load)(scores + u);
            top = T(larger)(top, allowed ? T(choose)(T(flags)(allowed + u), x, T(spread)(-INFINITY)) : x);
        }
        float here = T(most)(top);
        for (; u < last; u++)
            if ((!allowed || allowed[u]) && scores[u] > here) here = scores[u];
        if (!(here > -INFINITY)) continue;
        if (here > most) {
            total *= expf((most - here) * scaling);
            most = here;
        }
        for (u = first; u + W <= last; u += W) {
            T(vf) power = T(exp)((T(load)(scores + u) - most) * scaling);
            sum += allowed ? T(choose)(T(flags)(allowed + u), power, T(spread)(0)) : power;
        }
        total += T(sum)(sum);
        for (; u < last; u++)
            if (!allowed || allowed[u]) total += expf((scores[u] - most) * scaling);
    }
    *largest = total > 0 ? most : 0;
    return total > 0 ? logf(total) : 0;
}

#define AT_ONCE 8 /* query heads whose maximum is taken in one pass */

INLINE void T(weigh)(const struct softmax_max_job *job, int64_t item, const uint8_t *allowed) {
    float *weights = job->weights + item * job->units, scaling = (float)job->scaling;
    for (int64_t first = 0; first < job->per_head; first += AT_ONCE) {
        int many = job->per_head - first < AT_ONCE ? (int)(job->per_head - first) : AT_ONCE;
        const float *scores = job->scores + (item * job->per_head + first) * job->units;
        float most[AT_ONCE], less[AT_ONCE];
        for (int g = 0; g < many; g++) less[g] = T(log_sum)(scores + g * job->units, allowed, job->units, scaling, &most[g]);
        int64_t u = 0;
        for (; u + W <= job->units; u += W) {
            T(vf) x = first ? T(load)(weights + u) : T(spread)(-INFINITY);
            for (int g = 0; g < many; g++)
                x = T(larger)((T(load)(scores + g * job->units + u) - most[g]) * scaling - less[g], x);
            T(store)(weights + u, allowed ? T(choose)(T(flags)(allowed + u), x, T(spread)(-INFINITY)) : x);
        }
        for (; u < job->units; u++) {
            float x = first ? weights[u] : -INFINITY;
            for (int g = 0; g < many; g++) {
                float y = (scores[g * job->units + u] - most[g]) * scaling - less[g];
                x = y > x ? y : x;
            }
            weights[u] = !allowed || allowed[u] ? x : -INFINITY;
        }
    }
}

static void T(softmax_max)(const void *what, int64_t item, int member) {
    const struct softmax_max_job *job = what;
    const uint8_t *allowed = job->allowed + item * job->units;
    (void)member;
    if (memchr(allowed, 0, (size_t)job->units)) T(weigh)(job, item, allowed);
    else T(weigh)(job, item, NULL);
}

static void T(plain_rank)(const void *what, int64_t row, int member) {
    const struct plain_rank_job *job = what;
    const float *scores = job->scores + row * job->per_row * job->units;
    const uint8_t *allowed = job->allowed + row / job->rows_per_head * job->units;
    float *weights = job->weights + row * job->units, many = (float)job->per_row, scaling = (float)job->scaling;
    (void)member;
    for (int64_t u = 0; u < job->units; u++) {
        float sum = scores[u];
        for (int64_t g = 1; g < job->per_row; g++) sum += scores[g * job->units + u];
        weights[u] = allowed[u] ? sum / many * scaling : -INFINITY;
    }
}

#undef AT_ONCE
#undef BLOCK
