/* The largest weights of a row. */

#define SAMPLE 512 /* weights that tell about where the border lies */

/* The value of rank `rank` (1 for the largest) of `n` floats, none of which is NaN; reorders them. */
static float T(value_of_rank)(float *x, int64_t n, int64_t rank) {
    int64_t low = 0, high = n - 1, wanted = rank - 1;
    while (low < high) {
        float pivot = x[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (x[i] > pivot) i++;
            while (x[j] < pivot) j--;
            if (i <= j) {
                float swap = x[i];
                x[i++] = x[j];
                x[j--] = swap;
            }
        }
        if (wanted <= j) high = j;
        else if (wanted >= i) low = i;
        else break;
    }
    return x[wanted];
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
    int64_t step = n / SAMPLE, many = 0;
    if (step < 4 || wanted > n / 4) return -FLT_MAX;
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
    memset(to, 0, sizeof(int64_t) * (size_t)job->most);
    memset(chosen, 0, (size_t)job->most);
    if (wanted > job->most) wanted = job->most;
    float least = T(guess)(x, n, wanted, copy);
    int64_t kept = T(sift)(x, n, least, weights, places);
    if (kept < wanted && least > -FLT_MAX) kept = T(sift)(x, n, -FLT_MAX, weights, places);
    if (wanted > kept) wanted = kept;
    if (wanted < 1) return;
    memcpy(copy, weights, sizeof(float) * (size_t)kept);
    float value = T(value_of_rank)(copy, kept, wanted);
    int64_t equal = wanted, found = 0;
    for (int64_t i = 0; i < kept; i++) equal -= weights[i] > value;
    for (int64_t i = 0; i < kept && found < wanted; i++) {
        int tie = weights[i] == value;
        if (!(weights[i] > value || (tie && equal > 0))) continue;
        equal -= tie;
        to[found] = places[i];
        chosen[found++] = 1;
    }
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
    const int64_t *places = job->places + row * job->most, *last = job->last + row * job->last_most;
    const uint8_t *chosen = job->chosen + row * job->most;
    uint8_t *marks = job->marks + row * job->length;
    int64_t all = 0, fresh = 0;
    (void)member;
    for (int64_t i = 0; i < job->most; i++) {
        all += chosen[i];
        fresh += chosen[i] & !marks[places[i]];
    }
    for (int64_t i = 0; i < job->last_most; i++) marks[last[i]] = 0;
    for (int64_t i = 0; i < job->most; i++)
        if (chosen[i]) marks[places[i]] = 1;
    job->counts[2 * row] = all;
    job->counts[2 * row + 1] = fresh;
}

#undef SAMPLE
