/* What of paired records is right, wrong, missing or too many: see counts.py, which is the same without C. */

#include "compiled.h"

struct count_job {
    const int32_t *ours, *theirs;         /* (records, width) as in pairs.c */
    const int32_t *our_words, *their_words; /* (records, width) equal where a leaf is written alike; null: as above */
    const int64_t *our_ends, *their_ends; /* (samples + 1) */
    const int64_t *places, *ends;         /* (pairs, 2) and (samples + 1) of pairs */
    int64_t samples, width;
    int64_t *fields;                      /* (samples, width, 3) out: leaves right, predicted, in the gold */
    int64_t *sums;                        /* (samples, SUMS) out */
    int64_t *wrong_places;                /* (wrong, 2) out: rows of the pair of each wrong value */
    int64_t *wrong_columns, *wrong_ends;  /* (wrong), (samples + 1) out */
    uint8_t *swapped;                     /* (wrong) out: whether another gold record of the sample has it there */
    int32_t *seen;                        /* (numbers) all 0 */
};

/* Records that are right, and as they are written; leaves that are, as they are written; leaves of paired records that
   are missing, and that are too many; gold records without any leaf. */
enum { RIGHT, RAW, RAW_LEAVES, FEWER, MORE, EMPTY, SUMS };

static void count_side(const int32_t *rows, int64_t start, int64_t end, int64_t width, int64_t *fields, int64_t *empty)
{
    for (int64_t row = start; row < end; row++) {
        int64_t size = 0;
        for (int64_t column = 0; column < width; column++) {
            int here = rows[row * width + column] >= 0;
            fields[3 * column] += here;
            size += here;
        }
        *empty += !size;
    }
}

/* Count one pair, and note its wrong values from `wrong` on; return how many there are by then. */
static int64_t count_pair(struct count_job *job, int64_t pair, int64_t *fields, int64_t *sums, int64_t wrong)
{
    int64_t one = job->places[2 * pair], other = job->places[2 * pair + 1], width = job->width;
    const int32_t *ours = &job->ours[one * width], *theirs = &job->theirs[other * width];
    int64_t fewer = 0, more = 0, right = 0, alike = 0, before = wrong;
    for (int64_t column = 0; column < width; column++) {
        int here = ours[column] >= 0, there = theirs[column] >= 0;
        if (ours[column] == theirs[column]) {
            fields[3 * column]++;
            right++;
            alike += !job->our_words || job->our_words[one * width + column] == job->their_words[other * width + column];
        } else if (here && there) {
            job->wrong_places[2 * wrong] = one;
            job->wrong_places[2 * wrong + 1] = other;
            job->wrong_columns[wrong++] = column;
        } else {
            fewer += here;
            more += there;
        }
    }
    int whole = wrong == before && !fewer && !more;
    sums[RIGHT] += whole;
    sums[RAW] += whole && alike == right;
    sums[RAW_LEAVES] += alike;
    sums[FEWER] += fewer;
    sums[MORE] += more;
    return wrong;
}

/* Find which of a sample's wrong values another of its gold records has in that field; `mark` is new for each column. */
static void find_swapped(struct count_job *job, int64_t sample, int32_t *mark)
{
    for (int64_t column = 0; column < job->width; column++) {
        int asked = 0;
        for (int64_t wrong = job->wrong_ends[sample]; wrong < job->wrong_ends[sample + 1]; wrong++) {
            if (job->wrong_columns[wrong] != column)
                continue;
            if (!asked++) {
                ++*mark;
                for (int64_t row = job->our_ends[sample]; row < job->our_ends[sample + 1]; row++)
                    if (job->ours[row * job->width + column] >= 0)
                        job->seen[job->ours[row * job->width + column]] = *mark;
            }
            int64_t other = job->wrong_places[2 * wrong + 1];
            job->swapped[wrong] = job->seen[job->theirs[other * job->width + column]] == *mark;
        }
    }
}

/* Count all samples; return how many wrong values there are. */
PUBLIC int64_t t2j_count(struct count_job *job)
{
    int64_t wrong = 0, ignored = 0;
    int32_t mark = 0;
    job->wrong_ends[0] = 0;
    for (int64_t sample = 0; sample < job->samples; sample++) {
        int64_t *fields = &job->fields[3 * job->width * sample], *sums = &job->sums[SUMS * sample];
        count_side(job->theirs, job->their_ends[sample], job->their_ends[sample + 1], job->width, fields + 1, &ignored);
        count_side(job->ours, job->our_ends[sample], job->our_ends[sample + 1], job->width, fields + 2, &sums[EMPTY]);
        for (int64_t pair = job->ends[sample]; pair < job->ends[sample + 1]; pair++)
            wrong = count_pair(job, pair, fields, sums, wrong);
        job->wrong_ends[sample + 1] = wrong;
        find_swapped(job, sample, &mark);
    }
    return wrong;
}
