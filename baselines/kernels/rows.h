/* Rows: out of HIGGS codes and into them, and rotary positions. */

#define ANGLES 64

/* Cosines and sines of `n` angles, which are first brought into an eighth of a turn in double precision.
Polynomials of Cephes' sinf and cosf; error 1e-7. */
INLINE void T(turns)(float position, const float *frequencies, int64_t n, float amplitude, float *cosines, float *sines) {
    float rest[ANGLES];
    int32_t quarter[ANGLES];
    for (int64_t i = 0; i < n; i++) {
        float angle = position * frequencies[i]; /* rounded as torch rounds it */
        double k = (double)angle * 0.63661977236758134308 + 6755399441055744.0;
        k -= 6755399441055744.0;
        rest[i] = (float)((double)angle - k * 1.57079632679489661923);
        quarter[i] = (int32_t)k;
    }
    for (int64_t i = 0; i < n; i++) {
        float r = rest[i], r2 = r * r;
        float sine = r + r * r2 * (-1.6666654611e-1f + r2 * (8.3321608736e-3f - r2 * 1.9515295891e-4f));
        float cosine = 1 - r2 * 0.5f + r2 * r2 * (4.166664568298827e-2f + r2 * (-1.388731625493765e-3f + r2 * 2.443315711809948e-5f));
        float c = quarter[i] & 1 ? sine : cosine, s = quarter[i] & 1 ? cosine : sine;
        cosines[i] = amplitude * ((quarter[i] + 1) & 2 ? -c : c);
        sines[i] = amplitude * (quarter[i] & 2 ? -s : s);
    }
}

/* Put a rotary position on a row; `frequencies` is NULL where it has none. */
INLINE void T(place_row)(const void *from, int64_t start, int half_in, void *out, int64_t base, int half_out, int64_t size,
                         int64_t width, int64_t position, const float *frequencies, float amplitude) {
    int64_t pairs = frequencies ? width / 2 : 0, c = 2 * pairs;
    float cosines[ANGLES], sines[ANGLES];
    for (int64_t first = 0; first < pairs; first += ANGLES) {
        int64_t n = pairs - first < ANGLES ? pairs - first : ANGLES, i = 0, a = first, b = first + pairs;
        T(turns)((float)position, frequencies + first, n, amplitude, cosines, sines);
        for (; i + W <= n; i += W) {
            T(vf) x = T(load_as)(from, start + a + i, half_in), y = T(load_as)(from, start + b + i, half_in);
            T(vf) cosine = T(load)(cosines + i), sine = T(load)(sines + i);
            T(store_as)(out, base + a + i, x * cosine - y * sine, half_out);
            T(store_as)(out, base + b + i, y * cosine + x * sine, half_out);
        }
        for (; i < n; i++) {
            float x = T(one)(from, start + a + i, half_in), y = T(one)(from, start + b + i, half_in);
            T(store_one)(out, base + a + i, x * cosines[i] - y * sines[i], half_out);
            T(store_one)(out, base + b + i, y * cosines[i] + x * sines[i], half_out);
        }
    }
    for (; c + W <= size; c += W) T(store_as)(out, base + c, T(load_as)(from, start + c, half_in), half_out);
    for (; c < size; c++) T(store_one)(out, base + c, T(one)(from, start + c, half_in), half_out);
}

static void T(rotate)(const void *what, int64_t item, int member) {
    const struct rotate_job *job = what;
    int64_t first = item * SLICE, last = first + SLICE < job->rows ? first + SLICE : job->rows;
    float amplitude = (float)job->amplitude;
    (void)member;
#define PLACE(IN, OUT)                                                                                          \
    if (!job->half_in == !IN && !job->half_out == !OUT)                                                         \
        for (int64_t row = first; row < last; row++)                                                            \
            T(place_row)(job->rows16, row * job->size, IN, job->out16, row * job->size, OUT, job->size,         \
                         job->width, job->positions[row], job->frequencies, amplitude);
    PLACE(1, 1)
    PLACE(1, 0)
    PLACE(0, 1)
    PLACE(0, 0)
#undef PLACE
}

#undef ANGLES

#define ROWS 4 /* rows that are looked up before the first of them is turned, so that its values have been stored */

/* Look up and turn `many` rows. */
INLINE void T(read_rows)(const struct higgs_read_job *job, int64_t row, int many, float *scratch, int d) {
    int64_t channels = job->groups * job->group, stride = channels / d, from[ROWS];
    for (int n = 0; n < many; n++) {
        from[n] = (row + n) / job->rows_per_plane * job->tokens + job->at[row + n];
        const uint8_t *codes = job->codes + from[n] * stride;
        float *to = scratch + n * channels;
        for (int64_t p = 0; p < stride; p++) memcpy(to + p * d, job->grid + (int64_t)codes[p] * d, sizeof(float) * (size_t)d);
    }
    for (int n = 0; n < many; n++) {
        float *x = scratch + n * channels;
        for (int64_t k = 0; k < job->groups; k++, x += job->group) {
            float scale = T(half_float)(job->scales[from[n] * job->groups + k]) / sqrtf((float)job->group);
            T(hadamard)(x, job->group, scale);
            if (job->signs)
                for (int64_t i = 0; i < job->group; i++) x[i] *= job->signs[i];
        }
        int64_t position = job->frequencies ? job->positions[row + n] : 0, to = (row + n) * job->size;
        x = scratch + n * channels;
        if (job->half)
            T(place_row)(x, 0, 0, job->out16, to, 1, job->size, job->width, position, job->frequencies, (float)job->amplitude);
        else
            T(place_row)(x, 0, 0, job->out16, to, 0, job->size, job->width, position, job->frequencies, (float)job->amplitude);
    }
}

static void T(higgs_read)(const void *what, int64_t item, int member) {
    const struct higgs_read_job *job = what;
    int64_t first = item * SLICE, last = first + SLICE < job->rows ? first + SLICE : job->rows;
    int64_t channels = job->groups * job->group, bytes = channels / job->d;
    float *scratch = job->scratch + member * ROWS * channels;
    for (int64_t row = first; row < last; row += ROWS) {
        int many = last - row < ROWS ? (int)(last - row) : ROWS;
        for (int64_t next = row + 2 * ROWS; next < row + 3 * ROWS && next < last; next++) {
            int64_t from = next / job->rows_per_plane * job->tokens + job->at[next];
            for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(job->codes + from * bytes + i);
            __builtin_prefetch(job->scales + from * job->groups);
        }
        if (job->d == 2) T(read_rows)(job, row, many, scratch, 2);
        if (job->d == 4) T(read_rows)(job, row, many, scratch, 4);
        if (job->d == 8) T(read_rows)(job, row, many, scratch, 8);
    }
}

#undef ROWS

#define ROWS 4
#if W == 16
#define WIDE 4
#else
#define WIDE 2
#endif

/* ROWS products of left rows with one head's right factor. */
INLINE void T(multiply)(const float *left, const float *right, int64_t rank, int64_t size, float *to) {
    int64_t c = 0;
    for (; c + WIDE * W <= size; c += WIDE * W) {
        T(vf) sum[ROWS][WIDE];
        for (int n = 0; n < ROWS; n++)
            for (int v = 0; v < WIDE; v++) sum[n][v] = T(spread)(0);
        for (int64_t k = 0; k < rank; k++) {
            T(vf) x[WIDE];
            for (int v = 0; v < WIDE; v++) x[v] = T(load)(right + k * size + c + v * W);
            for (int n = 0; n < ROWS; n++)
                for (int v = 0; v < WIDE; v++) sum[n][v] += left[n * rank + k] * x[v];
        }
        for (int n = 0; n < ROWS; n++)
            for (int v = 0; v < WIDE; v++) T(store)(to + n * size + c + v * W, sum[n][v]);
    }
    for (; c < size; c++)
        for (int n = 0; n < ROWS; n++) {
            float sum = 0;
            for (int64_t k = 0; k < rank; k++) sum += left[n * rank + k] * right[k * size + c];
            to[n * size + c] = sum;
        }
}

/* Values as float32. */
INLINE void T(widen)(const void *from, int64_t at, int half, int64_t n, float *to) {
    int64_t i = 0;
    for (; i + W <= n; i += W) T(store)(to + i, T(load_as)(from, at + i, half));
    for (; i < n; i++) to[i] = T(one)(from, at + i, half);
}

INLINE void T(low_rank_slice)(const struct low_rank_read_job *job, int64_t item, int member, int half) {
    int64_t slices = (job->rows_per_plane + SLICE - 1) / SLICE, plane = item / slices, first = item % slices * SLICE;
    int64_t last = first + SLICE < job->rows_per_plane ? first + SLICE : job->rows_per_plane;
    int64_t b = plane / job->heads, rank = job->rank, size = job->size;
    const int64_t *at = job->at + plane * job->rows_per_plane, *positions = job->positions + plane * job->rows_per_plane;
    float *left = job->scratch + member * (ROWS * (rank + size) + rank * size), *rows = left + ROWS * rank;
    float *right = rows + ROWS * size;
    for (int64_t k = 0; k < rank; k++) /* the head's rows side by side: they lie apart, often in one set of the cache */
        T(widen)(job->right16, ((b * rank + k) * job->heads + plane % job->heads) * size, half, size, right + k * size);
    for (int64_t row = first; row < last; row += ROWS) {
        for (int n = 0; n < ROWS; n++) {
            int64_t here = row + n < last ? row + n : last - 1;
            T(widen)(job->left16, (b * job->tokens + at[here]) * rank, half, rank, left + n * rank);
        }
        T(multiply)(left, right, rank, size, rows);
        for (int64_t n = 0; n < ROWS && row + n < last; n++)
            T(place_row)(rows, n * size, 0, job->out16, (plane * job->rows_per_plane + row + n) * size, half, size, job->width,
                         job->frequencies ? positions[row + n] : 0, job->frequencies, (float)job->amplitude);
    }
}

static void T(low_rank_read)(const void *what, int64_t item, int member) {
    const struct low_rank_read_job *job = what;
    if (job->half) T(low_rank_slice)(job, item, member, 1);
    else T(low_rank_slice)(job, item, member, 0);
}

#undef WIDE
#undef ROWS

/* Codes of W tuples: the point with the largest x.c - |c|^2 / 2, the first of equal ones. */
INLINE void T(nearest_of)(const struct nearest_job *job, int64_t first, int many, const float *halves, int d) {
    T(vf) x[8], best = T(spread)(-INFINITY);
    T(vi) code = {0};
    for (int j = 0; j < d; j++) {
        float lanes[W];
        for (int i = 0; i < W; i++) lanes[i] = job->tuples_[(first + (i < many ? i : 0)) * d + j];
        x[j] = T(load)(lanes);
    }
    for (int64_t n = 0; n < job->points; n++) {
        T(vf) near = T(spread)(-halves[n]);
        for (int j = 0; j < d; j++) near += x[j] * job->grid[n * d + j];
        T(vi) better = near > best;
        best = T(choose)(better, near, best);
        code = (better & (int32_t)n) | (~better & code);
    }
    for (int i = 0; i < many; i++) job->codes[first + i] = (uint8_t)code[i];
}

static void T(nearest)(const void *what, int64_t item, int member) {
    const struct nearest_job *job = what;
    int64_t first = item * LONG_SLICE, last = first + LONG_SLICE < job->tuples ? first + LONG_SLICE : job->tuples;
    float halves[256];
    (void)member;
    for (int64_t n = 0; n < job->points; n++) {
        halves[n] = 0;
        for (int64_t j = 0; j < job->d; j++) halves[n] += 0.5f * job->grid[n * job->d + j] * job->grid[n * job->d + j];
    }
    for (int64_t i = first; i < last; i += W) {
        int many = last - i < W ? (int)(last - i) : W;
        if (job->d == 2) T(nearest_of)(job, i, many, halves, 2);
        if (job->d == 4) T(nearest_of)(job, i, many, halves, 4);
        if (job->d == 8) T(nearest_of)(job, i, many, halves, 8);
    }
}
