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
    uint8_t *states; /* (samples) out */
};

/* What became of a sample: it is done; only its equal records are paired, for others are tied; nothing is. */
enum { DONE, TIED, LEFT };

/* One sample, and room for the work on it. */
struct work {
    int64_t width, size, others;           /* columns, gold records, predicted ones */
    const int32_t *ours, *theirs;          /* their rows */
    int32_t *our_sizes, *their_sizes;      /* leaves that a record has */
    int32_t *turned, *matches;             /* (width, others) the predicted rows; (size, others) equal leaves */
    int32_t *partners, *taken, *least;     /* (size) a predicted record or -1; (others) partners; (others) see `best` */
    int32_t *needed;                       /* (2 * width + 1) equal leaves that pass the gate, by leaves of a pair */
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
    int whole = pair_best(one);
    write_pairs(job, one, sample, count, 1);
    if (whole)
        write_pairs(job, one, sample, count, 0);
    return whole ? DONE : TIED;
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
    int64_t parts[] = {cells, width * others, size, size, others, others, others, 2 * width + 1}, total = 0;
    int32_t **places[] = {&one->matches, &one->turned, &one->our_sizes, &one->partners,
                          &one->their_sizes, &one->taken, &one->least, &one->needed};
    for (int part = 0; part < 8; part++)
        total += parts[part];
    int32_t *room = malloc((size_t)total * sizeof(int32_t)), *next = room;
    for (int part = 0; room && part < 8; next += parts[part++])
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
        job->states[sample] = (uint8_t)pair_sample(job, &one, sample, &count);
        job->ends[sample + 1] = count;
    }
    free(room);
    return count;
}
