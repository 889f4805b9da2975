/* The largest weights of a row. */

#define BUCKETS 2048

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

/* Least and largest of what is above minus infinity; returns how many they are. */
INLINE int64_t T(range)(const float *x, int64_t n, float *least, float *most) {
    T(vf) low = T(spread)(INFINITY), high = T(spread)(-INFINITY);
    T(vi) count = {0};
    int64_t i = 0, total = 0;
    for (; i + W <= n; i += W) {
        T(vf) v = T(load)(x + i);
        T(vi) real = v > -INFINITY;
        count -= real;
        high = T(choose)(real & (v > high), v, high);
        low = T(choose)(real & (v < low), v, low);
    }
    *most = T(most)(high);
    *least = -T(most)(-low);
    for (int lane = 0; lane < W; lane++) total += count[lane];
    for (; i < n; i++)
        if (x[i] > -INFINITY) {
            total++;
            *most = x[i] > *most ? x[i] : *most;
            *least = x[i] < *least ? x[i] : *least;
        }
    return total;
}

/* Buckets of equal width from the least to the largest value; -1 for what is not above minus infinity. */
INLINE int32_t T(bucket)(float x, float least, float factor) {
    if (!(x > -INFINITY)) return -1;
    float place = (x - least) * factor;
    return place >= BUCKETS - 1 ? BUCKETS - 1 : place > 0 ? (int32_t)place : 0;
}

INLINE void T(buckets)(const float *x, int64_t n, float least, float factor, int32_t *to) {
    int64_t i = 0;
    for (; i + W <= n; i += W) {
        T(vf) v = T(load)(x + i);
        T(vi) real = v > -INFINITY;
        T(vf) place = (v - least) * factor;
        place = T(choose)(place < BUCKETS - 1, place, T(spread)(BUCKETS - 1));
        place = T(choose)(place > 0, place, T(spread)(0));
        T(vi) bucket = (__builtin_convertvector(T(choose)(real, place, T(spread)(0)), T(vi)) & real) | ~real;
        memcpy(to + i, &bucket, sizeof bucket);
    }
    for (; i < n; i++) to[i] = T(bucket)(x[i], least, factor);
}

static void T(pick)(const void *what, int64_t item, int member) {
    const struct pick_job *job = what;
    const float *x = job->weights + item * job->units;
    int64_t *places = job->places + item * job->most, n = job->units, wanted = job->counts[item], found = 0;
    uint8_t *chosen = job->chosen + item * job->most;
    float *scratch = job->scratch + member * n, least, most;
    int32_t many[1 + BUCKETS] = {0}, place[SLICE];
    int64_t real = T(range)(x, n, &least, &most), above = 0, inside = 0, equal;
    memset(places, 0, sizeof(int64_t) * (size_t)job->most);
    memset(chosen, 0, (size_t)job->most);
    if (wanted > job->most) wanted = job->most;
    if (wanted > real) wanted = real;
    if (wanted < 1) return;
    float width = most - least, factor = width > 0 && width < 1e38f ? BUCKETS / width : 0;
    if (!(factor < 1e38f)) factor = 0;
    if (!(width < 1e38f)) least = 0; /* one bucket for all: values that far apart are ranked by the exact part alone */
    for (int64_t start = 0; start < n; start += SLICE) {
        int64_t here = n - start < SLICE ? n - start : SLICE;
        T(buckets)(x + start, here, least, factor, place);
        for (int64_t i = 0; i < here; i++) many[1 + place[i]]++;
    }
    int32_t border = BUCKETS - 1;
    while (above + many[1 + border] < wanted) above += many[1 + border--];
    for (int64_t start = 0; start < n; start += SLICE) {
        int64_t here = n - start < SLICE ? n - start : SLICE;
        T(buckets)(x + start, here, least, factor, place);
        for (int64_t i = 0; i < here; i++) {
            scratch[inside] = x[start + i];
            inside += place[i] == border;
            if (inside == n) break;
        }
    }
    float value = T(value_of_rank)(scratch, inside, wanted - above);
    equal = wanted - above;
    for (int64_t i = 0; i < inside; i++) equal -= scratch[i] > value;
    int64_t i = 0;
    for (; found < wanted && i < n; i++) {
        if (i + W <= n) { /* skip W at a time where none is large enough */
            T(vi) large = T(load)(x + i) >= value;
            int64_t words[W / 2], any = 0;
            memcpy(words, &large, sizeof words);
            for (int k = 0; k < W / 2; k++) any |= words[k];
            if (!any) {
                i += W - 1;
                continue;
            }
        }
        int64_t until = i + W < n ? i + W : n;
        for (; i < until && found < wanted; i++) {
            int take = x[i] > value || (x[i] == value && equal > 0);
            if (!take) continue;
            equal -= x[i] == value;
            places[found] = i;
            chosen[found++] = 1;
        }
        i--;
    }
}

#undef BUCKETS
