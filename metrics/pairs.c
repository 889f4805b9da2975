/* Which records of a sample are equal, and which like each other best: see together.py, which is the same without C.

   Records are rows of numbers, one a leaf; equal leaves of one column have equal numbers from 0 on. An absent leaf is
   negative, another number on either side, so that absent on both sides is no match. */

#include <stdlib.h>
#include <string.h>

#include "compiled.h"

struct pair_job {
    const int32_t *ours, *theirs;         /* (records, width) */
    const int64_t *our_ends, *their_ends; /* (samples + 1) the i-th sample has the rows from one to the next */
    int64_t samples, width;
    int64_t most;    /* pairs of records above which a sample is left alone */
    double gate;     /* see align.GATE */
    int64_t *places; /* (pairs, 2) out: rows of a gold and of a predicted record, sample after sample */
    int64_t *ends;   /* (samples + 1) out */
    int64_t *equal;  /* (samples) out: how many of a sample's pairs are of equal records; they come first */
    uint8_t *states; /* (samples) out */
};

/* What became of a sample: it is done; so it is, but for the order of its unequal pairs, which is that of their content;
   only its equal records are paired, for several choices are best; nothing is. */
enum { DONE, CHOSEN, TIED, LEFT };

enum { CLUSTER = 5 }; /* records of either side that may compete with each other, up to which all choices are tried */

/* One sample, and room for the work on it. */
struct work {
    int64_t width, size, others;           /* columns, gold records, predicted ones */
    const int32_t *ours, *theirs;          /* their rows */
    int32_t *our_sizes, *their_sizes;      /* leaves that a record has */
    int32_t *turned, *matches;             /* (width, others) the predicted rows; (size, others) equal leaves */
    int32_t *partners, *taken, *least;     /* (size) a predicted record or -1; (others) partners; (others) see `best` */
    int32_t *needed;                       /* (2 * width + 1) equal leaves that pass the gate, by leaves of a pair */
    int32_t *marks;                        /* (size + others) whether a record's choice is made */
};

/* Records that compete with each other: gold ones, predicted ones, and the equal leaves of each pair that may be made. */
struct cluster {
    int size, others;
    int32_t ours[CLUSTER], theirs[CLUSTER], matches[CLUSTER][CLUSTER];
    int chosen[CLUSTER], best[CLUSTER]; /* a place in `theirs`, or -1 */
    int32_t most;
    int ways; /* to reach the most, of which `best` is one */
};

static void measure(int32_t *sizes, const int32_t *rows, int64_t count, int64_t width)
{
    for (int64_t row = 0; row < count; row++) {
        int32_t size = 0;
        for (int64_t column = 0; column < width; column++)
            size += rows[row * width + column] >= 0;
        sizes[row] = size;
    }
}

static void match(const struct work *one)
{
    int64_t width = one->width, others = one->others;
    for (int64_t other = 0; other < others; other++)
        for (int64_t column = 0; column < width; column++)
            one->turned[column * others + other] = one->theirs[other * width + column];
    memset(one->matches, 0, (size_t)(one->size * others) * sizeof(int32_t));
    for (int64_t row = 0; row < one->size; row++) {
        int32_t *restrict found = &one->matches[row * others];
        for (int64_t column = 0; column < width; column++) {
            const int32_t *restrict given = &one->turned[column * others], wanted = one->ours[row * width + column];
            for (int64_t other = 0; other < others; other++)
                found[other] += given[other] == wanted;
        }
    }
}

/* Pair equal records, all of whose leaves match; return 0 where a record has several equals. */
static int pair_equal(const struct work *one)
{
    memset(one->taken, 0, (size_t)one->others * sizeof(int32_t));
    for (int64_t row = 0; row < one->size; row++) {
        const int32_t *found = &one->matches[row * one->others], size = one->our_sizes[row];
        int32_t count = 0, other = 0;
        for (int64_t place = 0; place < one->others; place++)
            count += (found[place] == size) & (one->their_sizes[place] == size);
        one->partners[row] = -1;
        if (!count)
            continue;
        while (found[other] != size || one->their_sizes[other] != size)
            other++;
        if (count > 1 || one->taken[other]++)
            return 0;
        one->partners[row] = other;
    }
    return 1;
}

/* Pair records without a partner that like each other best; return 0 where one likes two alike, or two like one. */
static int pair_best(const struct work *one)
{
    int64_t others = one->others;
    int32_t of = -1; /* gold records of this size have the limits that stand in `least` */
    for (int64_t row = 0; row < one->size; row++) {
        if (one->partners[row] >= 0)
            continue;
        if (one->our_sizes[row] != of) {
            of = one->our_sizes[row];
            for (int64_t other = 0; other < others; other++)
                one->least[other] = one->taken[other] == 1 ? INT32_MAX : one->needed[of + one->their_sizes[other]];
        }
        const int32_t *found = &one->matches[row * others], *least = one->least;
        int32_t most = 0, count = 0, best = 0;
        for (int64_t other = 0; other < others; other++) {
            int32_t counted = found[other] >= least[other] ? found[other] : 0;
            most = counted > most ? counted : most;
        }
        if (!most)
            continue;
        for (int64_t other = 0; other < others; other++)
            count += (found[other] == most) & (found[other] >= least[other]);
        while (found[best] != most || found[best] < least[best])
            best++;
        if (count > 1 || one->taken[best])
            return 0;
        one->taken[best] = 2; /* it stays in the others' sight */
        one->partners[row] = best;
    }
    return 1;
}

/* Return the equal leaves of a pair that may be made, 0 for any other. */
static int32_t may_pair(const struct work *one, int64_t row, int64_t other)
{
    if (one->partners[row] >= 0 || one->taken[other] == 1)
        return 0;
    int32_t found = one->matches[row * one->others + other];
    return found >= one->needed[one->our_sizes[row] + one->their_sizes[other]] ? found : 0;
}

/* Try every partner of the gold record at `place` and of those after it. */
static void try_all(struct cluster *all, int place, int32_t sum, unsigned taken)
{
    if (place >= all->size || place >= CLUSTER) {
        if (sum > all->most) {
            all->most = sum;
            all->ways = 0;
            memcpy(all->best, all->chosen, sizeof all->best);
        }
        all->ways += sum == all->most;
        return;
    }
    all->chosen[place] = -1;
    try_all(all, place + 1, sum, taken);
    for (int other = 0; other < all->others; other++)
        if (all->matches[place][other] && !(taken >> other & 1)) {
            all->chosen[place] = other;
            try_all(all, place + 1, sum + all->matches[place][other], taken | 1u << other);
        }
}

/* Gather all that competes with a gold record, mark it, and find the only best choice; return 0 where there is none. */
static int choose_cluster(const struct work *one, int64_t first, int32_t *partners)
{
    struct cluster all = {.size = 1, .ours = {(int32_t)first}, .most = -1};
    int32_t *marks = one->marks, *other_marks = one->marks + one->size;
    marks[first] = 1;
    for (int row = 0, other = 0; row < all.size || other < all.others;) {
        if (row < all.size) {
            for (int64_t place = 0; place < one->others; place++)
                if (!other_marks[place] && may_pair(one, all.ours[row], place)) {
                    if (all.others == CLUSTER)
                        return 0;
                    other_marks[place] = 1;
                    all.theirs[all.others++] = (int32_t)place;
                }
            row++;
        } else {
            for (int64_t place = 0; place < one->size; place++)
                if (!marks[place] && may_pair(one, place, all.theirs[other])) {
                    if (all.size == CLUSTER)
                        return 0;
                    marks[place] = 1;
                    all.ours[all.size++] = (int32_t)place;
                }
            other++;
        }
    }
    for (int row = 0; row < all.size; row++)
        for (int other = 0; other < all.others; other++)
            all.matches[row][other] = may_pair(one, all.ours[row], all.theirs[other]);
    try_all(&all, 0, 0, 0);
    for (int row = 0; row < all.size; row++)
        partners[all.ours[row]] = all.best[row] < 0 ? -1 : all.theirs[all.best[row]];
    return all.ways == 1;
}

/* Pair records without a partner so that the most leaves match, where only one choice does that; return 0 elsewhere. */
static int pair_chosen(const struct work *one)
{
    int32_t *found = one->turned; /* (size) of the width * others that are not needed any more */
    for (int64_t row = 0; row < one->size; row++) { /* undo what `pair_best` began */
        if (one->partners[row] >= 0 && one->taken[one->partners[row]] == 2) {
            one->taken[one->partners[row]] = 0;
            one->partners[row] = -1;
        }
    }
    memset(one->marks, 0, (size_t)(one->size + one->others) * sizeof(int32_t));
    for (int64_t row = 0; row < one->size; row++)
        if (one->partners[row] < 0 && !one->marks[row] && !choose_cluster(one, row, found))
            return 0;
    for (int64_t row = 0; row < one->size; row++)
        if (one->partners[row] < 0 && found[row] >= 0) {
            one->partners[row] = found[row];
            one->taken[found[row]] = 2;
        }
    return 1;
}

static void write_pairs(struct pair_job *job, const struct work *one, int64_t sample, int64_t *count, int equal)
{
    for (int64_t row = 0; row < one->size; row++) {
        int32_t other = one->partners[row];
        if (other < 0 || (one->taken[other] == 1) != equal)
            continue;
        job->places[2 * *count] = job->our_ends[sample] + row;
        job->places[2 * *count + 1] = job->their_ends[sample] + other;
        ++*count;
    }
}

static int pair_sample(struct pair_job *job, struct work *one, int64_t sample, int64_t *count)
{
    one->size = job->our_ends[sample + 1] - job->our_ends[sample];
    one->others = job->their_ends[sample + 1] - job->their_ends[sample];
    if (!one->size || !one->others)
        return DONE;
    if (one->size > job->most / one->others)
        return LEFT;
    one->ours = &job->ours[job->our_ends[sample] * job->width];
    one->theirs = &job->theirs[job->their_ends[sample] * job->width];
    measure(one->our_sizes, one->ours, one->size, job->width);
    measure(one->their_sizes, one->theirs, one->others, job->width);
    match(one);
    if (!pair_equal(one))
        return LEFT;
    int state = pair_best(one) ? DONE : pair_chosen(one) ? CHOSEN : TIED;
    int64_t before = *count;
    write_pairs(job, one, sample, count, 1);
    job->equal[sample] = *count - before;
    if (state != TIED)
        write_pairs(job, one, sample, count, 0);
    return state;
}

/* Take room for the largest sample that is not left alone; return what is to be freed, or 0. */
static int32_t *get_room(const struct pair_job *job, struct work *one)
{
    int64_t size = 0, others = 0, cells = 0, width = job->width;
    for (int64_t sample = 0; sample < job->samples; sample++) {
        int64_t ours = job->our_ends[sample + 1] - job->our_ends[sample];
        int64_t theirs = job->their_ends[sample + 1] - job->their_ends[sample];
        if (!ours || !theirs || ours > job->most / theirs)
            continue;
        size = ours > size ? ours : size;
        others = theirs > others ? theirs : others;
        cells = ours * theirs > cells ? ours * theirs : cells;
    }
    int64_t turned = width * others > size ? width * others : size, total = 0;
    int64_t parts[] = {cells, turned, size, size, others, others, others, 2 * width + 1, size + others};
    int32_t **places[] = {&one->matches, &one->turned, &one->our_sizes, &one->partners, &one->their_sizes,
                          &one->taken, &one->least, &one->needed, &one->marks};
    for (int part = 0; part < 9; part++)
        total += parts[part];
    int32_t *room = malloc((size_t)total * sizeof(int32_t)), *next = room;
    for (int part = 0; room && part < 9; next += parts[part++])
        *places[part] = next;
    return room;
}

/* Pair the records of every sample; return how many pairs there are, or -1 where there is no memory for it. */
PUBLIC int64_t t2j_pair(struct pair_job *job)
{
    struct work one = {.width = job->width};
    int32_t *room = get_room(job, &one);
    if (!room)
        return -1;
    for (int64_t sizes = 0; sizes <= 2 * job->width; sizes++) {
        int32_t needed = 1;
        while ((double)(2 * (int64_t)needed) < job->gate * (double)sizes)
            needed++;
        one.needed[sizes] = needed;
    }
    int64_t count = 0;
    job->ends[0] = 0;
    for (int64_t sample = 0; sample < job->samples; sample++) {
        job->equal[sample] = 0;
        job->states[sample] = (uint8_t)pair_sample(job, &one, sample, &count);
        job->ends[sample + 1] = count;
    }
    free(room);
    return count;
}
