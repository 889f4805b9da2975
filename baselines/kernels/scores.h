/* Scores: q.k for codes and for rows, and the ranking by softmax. */

/* Decode a tile of tokens, quad after quad of channels: tile[channel / 4][token][channel % 4]. */
INLINE void T(decode_tile)(const struct higgs_scores_job *job, const uint8_t *const codes[TILE], float *tile, int d) {
    int64_t per_token = job->groups * job->group / d;
    for (int64_t p = 0; p < per_token; p++)
        for (int t = 0; t < TILE; t++) {
            const float *point = job->grid + (int64_t)codes[t][p] * d;
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

/* Sums over the four channels of every quad: out[t] for TILE tokens. */
INLINE void T(close_tile)(const T(vf) part[PARTS], float *out) {
    float x[4 * TILE];
    for (int v = 0; v < PARTS; v++) T(store)(x + v * W, part[v]);
    for (int t = 0; t < TILE; t++) out[t] = (x[4 * t] + x[4 * t + 1]) + (x[4 * t + 2] + x[4 * t + 3]);
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
        T(vf) sum[4][AT_ONCE];
        for (int g = 0; g < many; g++)
            for (int i = 0; i < AT_ONCE; i++) sum[g][i] = T(spread)(0);
        for (int64_t c = 0; c < size; c += 4) {
            T(vf) keys[AT_ONCE];
            for (int i = 0; i < AT_ONCE; i++) keys[i] = T(load)(tile + c * TILE + (v + i) * W);
            for (int g = 0; g < many; g++) {
                T(vf) q = T(repeat)(query + g * size + c);
                for (int i = 0; i < AT_ONCE; i++) sum[g][i] += q * keys[i];
            }
        }
        for (int g = 0; g < many; g++)
            for (int i = 0; i < AT_ONCE; i++) sums[g][v + i] = sum[g][i];
    }
#undef AT_ONCE
    for (int g = 0; g < many; g++) T(close_tile)(sums[g], out[g]);
}

static void T(higgs_scores)(const void *what, int64_t item, int member) {
    const struct higgs_scores_job *job = what;
    int64_t slices = (job->tokens + SLICE - 1) / SLICE, b = item / slices, first = item % slices * SLICE;
    int64_t last = first + SLICE < job->tokens ? first + SLICE : job->tokens;
    int64_t channels = job->groups * job->group, per_token = channels / job->d;
    int64_t blocks = job->group / job->block;
    float *tile = job->scratch + member * channels * TILE;
    float norm = 1.0f / sqrtf((float)blocks);
    for (int64_t token = first; token < last; token += TILE) {
        int here = last - token < TILE ? (int)(last - token) : TILE;
        const uint8_t *codes[TILE];
        int64_t rows[TILE];
        for (int t = 0; t < TILE; t++) {
            rows[t] = b * job->tokens + token + (t < here ? t : here - 1);
            codes[t] = job->codes + rows[t] * per_token;
        }
        if (job->d == 2) T(decode_tile)(job, codes, tile, 2);
        if (job->d == 4) T(decode_tile)(job, codes, tile, 4);
        if (job->d == 8) T(decode_tile)(job, codes, tile, 8);
        for (int64_t k = 0; k < job->groups; k++) {
            float scale[4 * TILE];
            for (int i = 0; i < 4 * TILE; i++) scale[i] = norm * T(half_float)(job->scales[rows[i / 4] * job->groups + k]);
            T(join_group)(tile + k * job->group * TILE, blocks, job->block, scale);
        }
        for (int64_t h = 0; h < job->heads; h++) {
            const float *keys = tile + h * job->size * TILE;
            int64_t plane = (b * job->heads + h) * job->per_head;
            for (int64_t g = 0; g < job->per_head; g += 4) {
                const float *query = job->query + (plane + g) * job->size;
                int many = job->per_head - g < 4 ? (int)(job->per_head - g) : 4;
                float out[4][TILE];
                if (many == 4) T(dot_tile)(keys, query, job->size, 4, out);
                if (many == 3) T(dot_tile)(keys, query, job->size, 3, out);
                if (many == 2) T(dot_tile)(keys, query, job->size, 2, out);
                if (many == 1) T(dot_tile)(keys, query, job->size, 1, out);
                for (int i = 0; i < many; i++)
                    memcpy(job->scores + (plane + g + i) * job->tokens + token, out[i], sizeof(float) * (size_t)here);
            }
        }
    }
}

#undef PARTS

/* Dot one row with `many` queries that lie `size` apart. */
INLINE void T(dots)(const void *row, int64_t at, const float *query, int64_t size, int many, int half, float out[4]) {
    T(vf) sum[4];
    for (int g = 0; g < many; g++) sum[g] = T(spread)(0);
    int64_t c = 0;
    for (; c + W <= size; c += W) {
        T(vf) x = T(load_as)(row, at + c, half);
        for (int g = 0; g < many; g++) sum[g] += x * T(load)(query + g * size + c);
    }
    for (int g = 0; g < many; g++) out[g] = T(sum)(sum[g]);
    for (; c < size; c++)
        for (int g = 0; g < many; g++) out[g] += T(one)(row, at + c, half) * query[g * size + c];
}

INLINE void T(some_dots)(const void *row, int64_t at, const float *query, int64_t size, int many, int half, float out[4]) {
    if (many >= 4) T(dots)(row, at, query, size, 4, half, out);
    if (many == 3) T(dots)(row, at, query, size, 3, half, out);
    if (many == 2) T(dots)(row, at, query, size, 2, half, out);
    if (many == 1) T(dots)(row, at, query, size, 1, half, out);
}

INLINE void T(row_slice)(const struct row_scores_job *job, int64_t item, int half) {
    int64_t slices = (job->units + SLICE - 1) / SLICE, plane = item / slices, first = item % slices * SLICE;
    int64_t last = first + SLICE < job->units ? first + SLICE : job->units;
    for (int64_t u = first; u < last; u++)
        for (int64_t g = 0; g < job->per_head; g += 4) {
            int many = job->per_head - g < 4 ? (int)(job->per_head - g) : 4;
            float out[4];
            T(some_dots)(job->rows16, (plane * job->units + u) * job->size,
                         job->query + (plane * job->per_head + g) * job->size, job->size, many, half, out);
            for (int i = 0; i < many; i++) {
                float *to = job->scores + (plane * job->per_head + g + i) * job->units + u;
                *to = job->add ? *to + out[i] : out[i];
            }
        }
}

static void T(row_scores)(const void *what, int64_t item, int member) {
    const struct row_scores_job *job = what;
    (void)member;
    if (job->half) T(row_slice)(job, item, 1);
    else T(row_slice)(job, item, 0);
}

/* The largest of the allowed scores, and the log of the sum of exp(scaling * (score - largest)). */
INLINE float T(log_sum)(const float *scores, const uint8_t *allowed, int64_t units, float scaling, float *largest) {
    T(vf) top = T(spread)(-INFINITY), sum = T(spread)(0);
    int64_t u = 0;
    float most, total;
    for (; u + W <= units; u += W)
        top = T(larger)(top, T(choose)(T(flags)(allowed + u), T(load)(scores + u), T(spread)(-INFINITY)));
    most = T(most)(top);
    for (; u < units; u++)
        if (allowed[u] && scores[u] > most) most = scores[u];
    *largest = most > -INFINITY ? most : 0;
    if (!(most > -INFINITY)) return 0;
    for (u = 0; u + W <= units; u += W) {
        T(vf) power = T(exp)((T(load)(scores + u) - most) * scaling);
        sum += T(choose)(T(flags)(allowed + u), power, T(spread)(0));
    }
    total = T(sum)(sum);
    for (; u < units; u++)
        if (allowed[u]) total += expf((scores[u] - most) * scaling);
    return logf(total);
}

static void T(softmax_max)(const void *what, int64_t item, int member) {
    const struct softmax_max_job *job = what;
    const uint8_t *allowed = job->allowed + item * job->units;
    float *weights = job->weights + item * job->units, scaling = (float)job->scaling;
    (void)member;
    for (int64_t g = 0; g < job->per_head; g++) {
        const float *scores = job->scores + (item * job->per_head + g) * job->units;
        float most, less = T(log_sum)(scores, allowed, job->units, scaling, &most);
        int64_t u = 0;
        for (; u + W <= job->units; u += W) {
            T(vf) x = (T(load)(scores + u) - most) * scaling - less;
            x = T(choose)(T(flags)(allowed + u), x, T(spread)(-INFINITY));
            T(store)(weights + u, g ? T(larger)(x, T(load)(weights + u)) : x);
        }
        for (; u < job->units; u++) {
            float x = allowed[u] ? (scores[u] - most) * scaling - less : -INFINITY;
            weights[u] = g && weights[u] > x ? weights[u] : x;
        }
    }
}
