/* Rows: out of HIGGS codes and into them, and rotary positions. */

/* What is left of angles, in turns of a quarter, and how many quarters there were. */
INLINE T(vf) T(rest)(T(vf) angle, float greatest, T(vi) *quarters) {
#if W == 16
#define LESS(a, b, c) (T(vf))_mm512_fnmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#elif W == 8
#define LESS(a, b, c) (T(vf))_mm256_fnmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#endif
#if W >= 8
    if (greatest < 4000000.0f) { /* a product that is not rounded leaves float32 enough */
        T(vf) k = angle * 0.63661977236758134308f + 12582912.0f;
        k -= 12582912.0f;
        *quarters = __builtin_convertvector(k, T(vi));
        T(vf) rest = LESS(k, T(spread)(1.57079637050628662109375f), angle);
        return LESS(k, T(spread)(-4.371139000186241e-8f), rest);
    }
#endif
#undef LESS
    float from[W], to[W];
    int32_t whole[W];
    (void)greatest;
    T(store)(from, angle);
    for (int i = 0; i < W; i++) {
        double k = (double)from[i] * 0.63661977236758134308 + 6755399441055744.0;
        k -= 6755399441055744.0;
        to[i] = (float)((double)from[i] - k * 1.57079632679489661923);
        whole[i] = (int32_t)(int64_t)k;
    }
    memcpy(quarters, whole, sizeof whole);
    return T(load)(to);
}

/* Cosines and sines of W angles, times an amplitude. Polynomials of Cephes' sinf and cosf; error 1e-7. */
INLINE void T(turns)(T(vf) angle, float greatest, float amplitude, T(vf) *cosines, T(vf) *sines) {
    T(vi) quarters;
    T(vf) r = T(rest)(angle, greatest, &quarters), r2 = r * r;
    T(vf) sine = r + r * r2 * (-1.6666654611e-1f + r2 * (8.3321608736e-3f - r2 * 1.9515295891e-4f));
    T(vf) cosine = 1 - r2 * 0.5f + r2 * r2 * (4.166664568298827e-2f + r2 * (-1.388731625493765e-3f + r2 * 2.443315711809948e-5f));
    T(vi) odd = (quarters & 1) != 0;
    T(vf) c = T(choose)(odd, sine, cosine), s = T(choose)(odd, cosine, sine);
    *cosines = (T(vf))((T(vi))c ^ (((quarters + 1) & 2) << 30)) * amplitude;
    *sines = (T(vf))((T(vi))s ^ ((quarters & 2) << 30)) * amplitude;
}

/* Put a rotary position on a row; `frequencies` is NULL where it has none. */
INLINE void T(place_row)(const void *from, int64_t start, int half_in, void *out, int64_t base, int half_out, int64_t size,
                         int64_t width, int64_t position, const float *frequencies, float amplitude) {
    int64_t pairs = frequencies ? width / 2 : 0, c = 2 * pairs, i = 0;
    float at = (float)position; /* and its products are rounded as torch rounds them */
    T(vf) cosine, sine;
    for (; i + W <= pairs; i += W) {
        T(turns)(at * T(load)(frequencies + i), at, amplitude, &cosine, &sine);
        T(vf) x = T(load_as)(from, start + i, half_in), y = T(load_as)(from, start + pairs + i, half_in);
        T(store_as)(out, base + i, x * cosine - y * sine, half_out);
        T(store_as)(out, base + pairs + i, y * cosine + x * sine, half_out);
    }
    if (i < pairs) {
        float some[W] = {0}, cosines[W], sines[W];
        memcpy(some, frequencies + i, sizeof(float) * (size_t)(pairs - i));
        T(turns)(at * T(load)(some), at, amplitude, &cosine, &sine);
        T(store)(cosines, cosine);
        T(store)(sines, sine);
        for (int n = 0; i < pairs; i++, n++) {
            float x = T(one)(from, start + i, half_in), y = T(one)(from, start + pairs + i, half_in);
            T(store_one)(out, base + i, x * cosines[n] - y * sines[n], half_out);
            T(store_one)(out, base + pairs + i, y * cosines[n] + x * sines[n], half_out);
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

/* Give rows of a plane, as products in float32, their positions and their number format. */
static __attribute__((noinline)) void T(low_rank_place)(const struct low_rank_read_job *job, const float *rows, int64_t first,
                                                         int64_t many) {
    float amplitude = (float)job->amplitude;
    for (int64_t n = 0; n < many; n++) {
        int64_t position = job->frequencies ? job->positions[first + n] : 0, to = (first + n) * job->size;
        if (job->half)
            T(place_row)(rows, n * job->size, 0, job->out16, to, 1, job->size, job->width, position, job->frequencies, amplitude);
        else
            T(place_row)(rows, n * job->size, 0, job->out16, to, 0, job->size, job->width, position, job->frequencies, amplitude);
    }
}

/* Ask memory for a row of the left factor. */
static void T(low_rank_ask)(const struct low_rank_read_job *job, int64_t b, int64_t at, int half) {
    T(ask_for)(job->left16, (b * job->tokens + at) * job->rank, job->rank, half);
}

INLINE void T(low_rank_slice)(const struct low_rank_read_job *job, int64_t item, int member, int half) {
    int64_t slices = (job->rows_per_plane + SLICE - 1) / SLICE, plane = item / slices, first = item % slices * SLICE;
    int64_t last = first + SLICE < job->rows_per_plane ? first + SLICE : job->rows_per_plane;
    int64_t b = plane / job->heads, rank = job->rank, size = job->size;
    const int64_t *at = job->at + plane * job->rows_per_plane;
    float *left = job->scratch + member * job->scratch_size, *rows = left + ROWS * rank;
    float *right = rows + ROWS * size;
    for (int64_t k = 0; k < rank; k++) /* the head's rows side by side: they lie apart, often in one set of the cache */
        T(widen)(job->right16, ((b * rank + k) * job->heads + plane % job->heads) * size, half, size, right + k * size);
    for (int64_t row = first; row < last; row += ROWS) {
        for (int n = 0; n < ROWS; n++) {
            int64_t here = row + n < last ? row + n : last - 1;
            if (here + AHEAD < last) T(low_rank_ask)(job, b, at[here + AHEAD], half);
            T(widen)(job->left16, (b * job->tokens + at[here]) * rank, half, rank, left + n * rank);
        }
        T(multiply)(left, right, rank, size, rows);
        T(low_rank_place)(job, rows, plane * job->rows_per_plane + row, last - row < ROWS ? last - row : ROWS);
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
