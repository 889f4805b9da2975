/* Whether two unequal values are nearly equal: see causes.py, whose rule and arithmetic this is. */

#include <math.h>
#include <string.h>

#include "compiled.h"

struct near_job {
    chars text;
    const struct value *values;   /* what the numbers stand for */
    const int32_t *ones, *others; /* (count) */
    int64_t count;
    int8_t *found;                /* (count) out */
};

enum { UNSURE = -1, FAR, NEAR };
enum { LETTERS = 64, LARGEST_TEXT = 2000 };

static const int64_t EXACT_TO = (int64_t)1 << 52; /* whole numbers up to here, and their sums, are exact as floats */

static inline unsigned char lower(unsigned char letter)
{
    return letter >= 'A' && letter <= 'Z' ? letter | 32 : letter;
}

/* Tell whether 1 - (letters to drop and to add) / (all letters) is 0.8 or more; the one text has at most 64 letters.

   The longest common subsequence is found with a bit for each letter of the one text (Hyyrö 2004, "Bit-parallel LCS-length
   computation revisited"); `bits` is all 0, and so it is left. */
static int near_texts(uint64_t *bits, chars one, int64_t size, chars other, int64_t length)
{
    int64_t total = size + length;
    if (1.0 - (double)(length > size ? length - size : size - length) / (double)total < 0.8)
        return FAR;
    for (int64_t place = 0; place < size; place++)
        bits[lower(one[place])] |= (uint64_t)1 << place;
    uint64_t rest = ~(uint64_t)0;
    for (int64_t place = 0; place < length; place++) {
        uint64_t met = rest & bits[lower(other[place])];
        rest = (rest + met) | (rest - met);
    }
    int64_t common = 0;
    for (int64_t place = 0; place < size; place++) {
        common += !(rest >> place & 1);
        bits[lower(one[place])] = 0;
    }
    return 1.0 - (double)(total - 2 * common) / (double)total >= 0.8 ? NEAR : FAR;
}

static int near_numbers(const struct value *one, const struct value *other)
{
    double values[2];
    const struct value *both[2] = {one, other};
    for (int side = 0; side < 2; side++) {
        int64_t number = both[side]->number;
        if (both[side]->kind == FRACTION)
            memcpy(&values[side], &number, 8);
        else if (number > EXACT_TO || number < -EXACT_TO)
            return UNSURE;
        else
            values[side] = (double)number;
    }
    double allowed = 0.01 * fabs(values[0]);
    return fabs(values[0] - values[1]) <= allowed ? NEAR : FAR;
}

static int near_values(struct near_job *job, uint64_t *bits, const struct value *one, const struct value *other)
{
    int is_text = one->kind == TEXT, is_number = one->kind == WHOLE || one->kind == FRACTION;
    int text_too = other->kind == TEXT, number_too = other->kind == WHOLE || other->kind == FRACTION;
    if ((!is_text && !is_number) || (!text_too && !number_too))
        return UNSURE;
    if (is_number && number_too)
        return near_numbers(one, other);
    if (!is_text || !text_too)
        return FAR;
    int64_t size = one->length - 2, length = other->length - 2;
    if (size > LARGEST_TEXT || length > LARGEST_TEXT || (size > LETTERS && length > LETTERS) || !(size + length))
        return UNSURE;
    chars first = job->text + one->start + 1, second = job->text + other->start + 1;
    return size <= LETTERS ? near_texts(bits, first, size, second, length) : near_texts(bits, second, length, first, size);
}

/* Tell of each pair of values whether they are nearly equal, or that it cannot be told here. */
PUBLIC void t2j_near(struct near_job *job)
{
    uint64_t bits[256] = {0};
    for (int64_t pair = 0; pair < job->count; pair++) {
        const struct value *one = &job->values[job->ones[pair]], *other = &job->values[job->others[pair]];
        job->found[pair] = (int8_t)near_values(job, bits, one, other);
    }
}
