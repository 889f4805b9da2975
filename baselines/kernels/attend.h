/* Attention of one position over stretches of keys and values, which are read where they lie. */

#define CHUNK 64 /* rows of values that stay in the first-level cache while all of their channels are added up */

INLINE int64_t T(row_at)(const int64_t *at, int64_t plane, int64_t i, int64_t size) {
    return (plane + (at ? at[i] : i)) * size;
}

INLINE int64_t T(head_of)(int64_t chooser, int64_t choosers, int64_t heads) { return chooser * heads / choosers; }

/* Scores of one stretch, minus infinity for what does not count. */
INLINE void T(score_segment)(const struct attend_job *job, const struct segment *part, int64_t b, int64_t c,
                             const float *query, float *scores, int64_t total, int half) {
    int64_t head = T(head_of)(c, job->choosers, part->key_heads);
    int64_t plane = (b * part->key_heads + head) * part->key_rows;
    const int64_t *at = part->key_at ? part->key_at + (b * job->choosers + c) * part->length : NULL;
    int64_t known_head = T(head_of)(c, job->choosers, part->known_heads);
    const uint8_t *known = part->known ? part->known + (b * part->known_heads + known_head) * part->length : NULL;
    int64_t value_plane = (b * part->value_heads + T(head_of)(c, job->choosers, part->value_heads)) * part->value_rows;
    const int64_t *value_at = part->value_at && part->values16 ? part->value_at + (b * job->choosers + c) * part->length : NULL;
    int64_t i = 0;
    /* One query waits for memory rather than for sums: what it will read of values is on its way meanwhile. */
    for (; job->per_chooser == 1 && i + 4 <= part->length; i += 4) {
        int64_t rows[4];
        for (int n = 0; n < 4; n++) {
            rows[n] = T(row_at)(at, plane, i + n, job->size);
            if (i + n + AHEAD < part->length)
                T(ask_for)(part->keys16, T(row_at)(at, plane, i + n + AHEAD, job->size), job->size, half);
            if (value_at) T(ask_far)(part->values16, T(row_at)(value_at, value_plane, i + n, job->size), job->size, half);
        }
        T(row_dots)(part->keys16, rows, query, job->size, half, scores + i);
        for (int n = 0; n < 4; n++)
            if (known && !known[i + n]) scores[i + n] = -INFINITY;
    }
    for (; i < part->length; i++) {
        if (i + AHEAD < part->length) T(ask_for)(part->keys16, T(row_at)(at, plane, i + AHEAD, job->size), job->size, half);
        for (int64_t g = 0; g < job->per_chooser; g += 4) {
            int many = job->per_chooser - g < 4 ? (int)(job->per_chooser - g) : 4;
            float out[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
            if (!known || known[i])
                T(some_dots)(part->keys16, T(row_at)(at, plane, i, job->size), query + g * job->size, job->size, many, half, out);
            for (int k = 0; k < many; k++) scores[(g + k) * total + i] = out[k];
        }
    }
}

/* Turn scores into weights whose sum is returned. */
INLINE float T(powers)(float *scores, int64_t total, float scaling) {
    T(vf) top = T(spread)(-INFINITY), sum = T(spread)(0);
    int64_t i = 0;
    float most, all;
    for (; i + W <= total; i += W) top = T(larger)(T(load)(scores + i), top);
    most = T(most)(top);
    for (; i < total; i++) most = scores[i] > most ? scores[i] : most;
    if (!(most > -INFINITY)) most = 0;
    for (i = 0; i + W <= total; i += W) {
        T(vf) power = T(exp)((T(load)(scores + i) - most) * scaling);
        sum += power;
        T(store)(scores + i, power);
    }
    all = T(sum)(sum);
    for (; i < total; i++) all += scores[i] = expf((scores[i] - most) * scaling);
    return all;
}

/* Add `vectors` * W channels of up to CHUNK rows, each times its weight for `many` heads. */
INLINE void T(add_rows)(const void *values, const int64_t *rows, int64_t n, int64_t c, const float *weights, int64_t total,
                        float *sums, int64_t size, int many, int vectors, int half) {
    T(vf) sum[4][4];
    for (int g = 0; g < many; g++)
        for (int v = 0; v < vectors; v++) sum[g][v] = T(load)(sums + g * size + c + v * W);
    for (int64_t i = 0; i < n; i++) {
        T(vf) x[4];
        for (int v = 0; v < vectors; v++) x[v] = T(load_as)(values, rows[i] + c + v * W, half);
        for (int g = 0; g < many; g++) {
            T(vf) weight = T(spread)(weights[g * total + i]);
            for (int v = 0; v < vectors; v++) sum[g][v] += weight * x[v];
        }
    }
    for (int g = 0; g < many; g++)
        for (int v = 0; v < vectors; v++) T(store)(sums + g * size + c + v * W, sum[g][v]);
}

#if W == 16
#define WIDE 4
#else
#define WIDE 2
#endif

INLINE void T(add_chunk)(const void *values, const int64_t *rows, int64_t n, const float *weights, int64_t total, float *sums,
                         int64_t size, int many, int half) {
    int64_t c = 0;
    for (; c + WIDE * W <= size; c += WIDE * W)
        T(add_rows)(values, rows, n, c, weights, total, sums, size, many, WIDE, half);
    for (; c + W <= size; c += W) T(add_rows)(values, rows, n, c, weights, total, sums, size, many, 1, half);
    for (; c < size; c++)
        for (int g = 0; g < many; g++)
            for (int64_t i = 0; i < n; i++)
                sums[g * size + c] += weights[g * total + i] * T(one)(values, rows[i] + c, half);
}

INLINE void T(add_segment)(const struct attend_job *job, const struct segment *part, int64_t b, int64_t c,
                           const float *weights, int64_t total, float *sums, int half) {
    int64_t head = T(head_of)(c, job->choosers, part->value_heads);
    int64_t plane = (b * part->value_heads + head) * part->value_rows;
    const int64_t *at = part->value_at ? part->value_at + (b * job->choosers + c) * part->length : NULL;
    int64_t rows[CHUNK];
    for (int64_t first = 0; first < part->length; first += CHUNK) {
        int64_t n = part->length - first < CHUNK ? part->length - first : CHUNK;
        for (int64_t i = 0; i < n; i++) {
            rows[i] = T(row_at)(at, plane, first + i, job->size);
            if (at) T(ask_for)(part->values16, rows[i], job->size, half);
        }
        for (int64_t g = 0; g < job->per_chooser; g += 4) {
            const float *weight = weights + g * total + first;
            float *sum = sums + g * job->size;
            int64_t many = job->per_chooser - g;
            if (many >= 4) T(add_chunk)(part->values16, rows, n, weight, total, sum, job->size, 4, half);
            if (many == 3) T(add_chunk)(part->values16, rows, n, weight, total, sum, job->size, 3, half);
            if (many == 2) T(add_chunk)(part->values16, rows, n, weight, total, sum, job->size, 2, half);
            if (many == 1) T(add_chunk)(part->values16, rows, n, weight, total, sum, job->size, 1, half);
        }
    }
}

/* Add rows of codes as they stand for turned values: their sum is turned back, and not each of them. */
INLINE void T(add_coded)(const struct attend_job *job, const struct segment *part, int64_t b, int64_t c, const float *weights,
                         int64_t total, float *sums, float *scratch, int d) {
    int64_t head = T(head_of)(c, job->choosers, part->value_heads), group = part->group, bytes = group / d, from[CODED];
    int64_t plane = (b * part->value_heads + head) * part->value_rows, rows[CODED];
    const int64_t *at = part->value_at + (b * job->choosers + c) * part->length;
    float *turned = scratch, *points = scratch + job->per_chooser * group, norm = 1 / sqrtf((float)group);
    for (int64_t i = 0; i < job->per_chooser * group; i++) turned[i] = 0;
    for (int64_t first = 0; first < part->length; first += CODED) {
        int64_t n = part->length - first < CODED ? part->length - first : CODED;
        float scale[CODED], scaled[4 * CODED];
        for (int64_t i = first + n; i < first + n + CODED && i < part->length; i++) {
            for (int64_t k = 0; k < bytes; k += 64) __builtin_prefetch(part->codes + (plane + at[i]) * bytes + k);
            __builtin_prefetch(part->scales + plane + at[i]);
        }
        for (int64_t i = 0; i < n; i++) {
            from[i] = plane + at[first + i];
            rows[i] = i * group;
            scale[i] = T(half_float)(part->scales[from[i]]) * norm;
            for (int64_t k = 0; k < bytes; k++)
                memcpy(points + i * group + k * d, part->grid + (int64_t)part->codes[from[i] * bytes + k] * d, sizeof(float) * (size_t)d);
        }
        for (int64_t g = 0; g < job->per_chooser; g += 4) {
            int many = job->per_chooser - g < 4 ? (int)(job->per_chooser - g) : 4;
            for (int k = 0; k < many; k++)
                for (int64_t i = 0; i < n; i++) scaled[k * CODED + i] = weights[(g + k) * total + first + i] * scale[i];
            if (many == 4) T(add_chunk)(points, rows, n, scaled, CODED, turned + g * group, group, 4, 0);
            if (many == 3) T(add_chunk)(points, rows, n, scaled, CODED, turned + g * group, group, 3, 0);
            if (many == 2) T(add_chunk)(points, rows, n, scaled, CODED, turned + g * group, group, 2, 0);
            if (many == 1) T(add_chunk)(points, rows, n, scaled, CODED, turned + g * group, group, 1, 0);
        }
    }
    for (int64_t g = 0; g < job->per_chooser; g++) {
        T(hadamard)(turned + g * group, group, 1);
        for (int64_t i = 0; i < job->size; i++)
            sums[g * job->size + i] += turned[g * group + i] * (part->signs ? part->signs[i] : 1);
    }
}

INLINE void T(attend_one)(const struct attend_job *job, int64_t item, int member, int half) {
    int64_t b = item / job->choosers, c = item % job->choosers, total = 0, start = 0;
    for (int64_t s = 0; s < job->segments; s++) total += job->segment[s].length;
    int64_t queries = job->per_chooser * job->size;
    float *query = job->scratch + member * job->scratch_size, *sums = query + queries, *scores = sums + queries;
    for (int64_t i = 0; i < queries; i++) {
        query[i] = T(one)(job->query16, item * queries + i, half);
        sums[i] = 0;
    }
    for (int64_t s = 0; s < job->segments; start += job->segment[s++].length)
        T(score_segment)(job, &job->segment[s], b, c, query, scores + start, total, half);
    for (int64_t g = 0; g < job->per_chooser; g++) {
        float all = T(powers)(scores + g * total, total, (float)job->scaling), share = all > 0 ? 1 / all : 0;
        for (int64_t i = 0; i < total; i++) scores[g * total + i] *= share;
    }
    start = 0;
    for (int64_t s = 0; s < job->segments; start += job->segment[s++].length) {
        const struct segment *part = &job->segment[s];
        float *rest = scores + job->per_chooser * total;
        if (part->values16) T(add_segment)(job, part, b, c, scores + start, total, sums, half);
        else if (part->d == 2) T(add_coded)(job, part, b, c, scores + start, total, sums, rest, 2);
        else if (part->d == 4) T(add_coded)(job, part, b, c, scores + start, total, sums, rest, 4);
        else T(add_coded)(job, part, b, c, scores + start, total, sums, rest, 8);
    }
    for (int64_t i = 0; i < queries; i++) T(store_one)(job->out16, item * queries + i, sums[i], half);
}

static void T(attend)(const void *what, int64_t item, int member) {
    const struct attend_job *job = what;
    if (job->half) T(attend_one)(job, item, member, 1);
    else T(attend_one)(job, item, member, 0);
}

#undef WIDE
#undef CHUNK
