/* The largest weights of a row. */

#define SAMPLE 512 /* weights that tell about where the border lies */
#define SPARSE 8   /* they lie at least this far apart */

/* Floats as whole numbers in the same order, and back. */
INLINE int32_t T(ordered)(int32_t bits) { return bits ^ ((bits >> 31) & INT32_MAX); }

/* How many of `n` numbers are at least `least`. */
INLINE int64_t T(at_least)(const int32_t *x, int64_t n, int32_t least) {
    int64_t i = 0, many = 0;
    T(vi) sum = {0};
    for (; i + W <= n; i += W) {
        T(vi) v;
        memcpy(&v, x + i, sizeof v);
        sum -= v >= least;
    }
    for (int k = 0; k < W; k++) many += sum[k];
    for (; i < n; i++) many += x[i] >= least;
    return many;
}

/* The value of rank `rank` (1 for the largest) of `n` floats, none of which is NaN; overwrites them. Found by halving
the range of values, which needs no branch that depends on them. */
static float T(value_of_rank)(float *values, int64_t n, int64_t rank) {
    int32_t low = INT32_MAX, high = INT32_MIN, *x = (int32_t *)values;
    float found;
    for (int64_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        bits = T(ordered)(bits);
        memcpy(x + i, &bits, sizeof bits);
        low = bits < low ? bits : low;
        high = bits > high ? bits : high;
    }
    while (low < high) {
        int32_t middle = (int32_t)(((int64_t)low + high + 1) >> 1);
        if (T(at_least)(x, n, middle) >= rank) low = middle;
        else high = middle - 1;
    }
    low = T(ordered)(low);
    memcpy(&found, &low, sizeof found);
    return found;
}

/* Put aside the weights that are at least `least`, with their places in order; returns how many they are. */
INLINE int64_t T(sift)(const float *x, int64_t n, float least, float *weights, int32_t *places) {
    int64_t i = 0, kept = 0;
#if W == 16
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (; i + W <= n; i += W) {
        __m512 v = _mm512_loadu_ps(x + i);
        __mmask16 large = _mm512_cmp_ps_mask(v, _mm512_set1_ps(least), _CMP_GE_OQ);
        if (!large) continue;
        _mm512_storeu_ps(weights + kept, _mm512_maskz_compress_ps(large, v));
        _mm512_storeu_si512(places + kept, _mm512_maskz_compress_epi32(large, _mm512_add_epi32(lanes, _mm512_set1_epi32((int)i))));
        kept += __builtin_popcount(large);
    }
#endif
    for (; i < n; i++) {
        weights[kept] = x[i];
        places[kept] = (int32_t)i;
        kept += x[i] >= least;
    }
    return kept;
}

/* A value that the `wanted` largest probably are not below. */
INLINE float T(guess)(const float *x, int64_t n, int64_t wanted, float *scratch) {
    int64_t step = n / SAMPLE < SPARSE ? SPARSE : n / SAMPLE, many = 0;
    if (n < 64 * SPARSE || wanted > n / 4) return -FLT_MAX;
    for (int64_t i = step / 2; i < n; i += step)
        if (x[i] > -INFINITY) scratch[many++] = x[i];
    int64_t rank = many * wanted / n;
    rank += rank / 4 + 12;
    return rank > many ? -FLT_MAX : T(value_of_rank)(scratch, many, rank);
}

static void T(pick)(const void *what, int64_t item, int member) {
    const struct pick_job *job = what;
    int64_t n = job->units, wanted = job->counts[item / job->rows_per_count], *to = job->places + item * job->most;
    const float *x = job->weights + item * n;
    uint8_t *chosen = job->chosen + item * job->most;
    float *copy = job->scratch + member * 3 * (n + W), *weights = copy + n + W;
    int32_t *places = (int32_t *)(weights + n + W);
    if (wanted > job->most) wanted = job->most;
    float least = T(guess)(x, n, wanted, copy);
    int64_t kept = T(sift)(x, n, least, weights, places);
    if (kept < wanted && least > -FLT_MAX) kept = T(sift)(x, n, -FLT_MAX, weights, places);
    if (wanted > kept) wanted = kept;
    int64_t found = 0;
    if (wanted > 0) {
        memcpy(copy, weights, sizeof(float) * (size_t)kept);
        float value = T(value_of_rank)(copy, kept, wanted);
        int64_t equal = wanted;
        for (int64_t i = 0; i < kept; i++) equal -= weights[i] > value;
        for (int64_t i = 0; i < kept && found < wanted; i++) {
            int64_t tie = (weights[i] == value) & (equal > 0);
            to[found] = places[i];
            equal -= tie;
            found += (weights[i] > value) | tie;
        }
    }
    memset(to + found, 0, sizeof(int64_t) * (size_t)(job->most - found));
    memset(chosen, 1, (size_t)found);
    memset(chosen + found, 0, (size_t)(job->most - found));
}

static void T(spread_units)(const void *what, int64_t row, int member) {
    const struct spread_units_job *job = what;
    const uint8_t *valid = job->valid + row / job->rows_per_batch * job->length;
    (void)member;
    for (int64_t i = 0; i < job->most; i++)
        for (int64_t n = 0, at = row * job->most + i; n < job->unit; n++) {
            int64_t token = job->places[at] * job->unit + n;
            job->tokens[at * job->unit + n] = token;
            job->known[at * job->unit + n] = job->chosen[at] & valid[token];
        }
}

static void T(place)(const void *what, int64_t row, int member) {
    const struct place_job *job = what;
    int64_t start = job->starts[row / job->rows_per_batch];
    (void)member;
    for (int64_t i = row * job->many; i < (row + 1) * job->many; i++)
        job->positions[i] = job->places[i] > start ? job->places[i] - start : 0;
}

static void T(mark)(const void *what, int64_t row, int member) {
    const struct mark_job *job = what;
    const int64_t *places = job->places + row * job->most * job->unit, *last = job->last + row * job->last_most;
    const uint8_t *chosen = job->chosen + row * job->most * job->unit;
    uint8_t *marks = job->marks + row * job->units;
    int64_t all = 0, fresh = 0, *kept = job->kept + row * job->most;
    (void)member;
    for (int64_t i = 0; i < job->most; i++) {
        int64_t many = 0;
        for (int64_t n = 0; n < job->unit; n++) many += chosen[i * job->unit + n];
        all += many;
        if (!marks[places[i * job->unit] / job->unit]) fresh += many;
    }
    for (int64_t i = 0; i < job->last_most; i++) marks[last[i]] = 0;
    for (int64_t i = 0; i < job->most; i++) {
        int64_t unit = kept[i] = places[i * job->unit] / job->unit;
        uint8_t some = 0;
        for (int64_t n = 0; n < job->unit; n++) some |= chosen[i * job->unit + n];
        if (some) marks[unit] = 1;
    }
    job->counts[2 * row] = all;
    job->counts[2 * row + 1] = fresh;
}

#undef SAMPLE
#undef SPARSE
