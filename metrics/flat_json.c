/* Flat JSON straight to columns of numbers, without a Python object for each value.

   Read are lists of objects whose values are texts, numbers, true, false and null: what most answers are. Equal values
   get equal numbers, whatever column and text they stand in, so that alignment and counting are work on arrays. A text
   of any other shape, a key that stands twice or is written with escapes, and what is no JSON are refused; the reader
   in Python then takes that text. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "compiled.h"

struct slot {
    uint32_t hash;
    int32_t value; /* 0 where it is free */
};

struct read_job {
    chars text;                   /* UTF-8; a zero byte after each of the texts in it, and 8 more at the end */
    const int64_t *starts, *ends; /* (texts) */
    int64_t texts;
    int32_t *cells;               /* (width, room) out: numbers of values */
    int64_t room, width;          /* records and columns that there is room for */
    int64_t *counts;              /* (texts) out: records of each; -1 where it was refused */
    int64_t *key_starts, *key_lengths; /* (width) out: names of the columns */
    int64_t columns;              /* out */
    struct value *values;         /* (value_room) out; number 0 is missing, 1 is null */
    int64_t value_room, found;    /* out: how many values there are */
    struct slot *slots;           /* (mask + 1) all 0 at first */
    int64_t mask;                 /* a power of two less one; half as many slots again as values, or more */
};

static const double LARGEST_EXACT = 9007199254740992.0; /* 2^53 */
enum { LONGEST_SEARCH = 256, MOST_DIGITS = 18, PYTHONS_DIGITS = 4300 /* of a whole number that Python reads */ };

static inline chars skip(chars p)
{
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')
        p++;
    return p;
}

/* Return which of 8 letters is the first whose highest bit is set; one is. */
static inline int first_place(uint64_t bits)
{
#if defined(__GNUC__)
    return __builtin_ctzll(bits) >> 3;
#else
    int place = 0;
    while (!(bits >> (8 * place) & 0x80))
        place++;
    return place;
#endif
}

static inline uint64_t mixed(uint64_t x)
{
    x *= 0x9E3779B97F4A7C15u;
    return x ^ (x >> 29);
}

/* Return 8 letters as a number, the first of them lowest; there are 8 to be read after the end of every text. */
static inline uint64_t letters_at(chars p)
{
    uint64_t found;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(&found, p, 8);
#else
    found = 0;
    for (int place = 7; place >= 0; place--)
        found = found << 8 | p[place];
#endif
    return found;
}

static inline uint64_t first_letters(uint64_t letters, int64_t count)
{
    return count ? letters << (64 - 8 * count) >> (64 - 8 * count) : 0;
}

/* Tell whether two texts of one length are equal; nothing is read after the first 8 letters that differ. */
static inline int same(chars one, chars other, int64_t length)
{
    for (; length >= 8; one += 8, other += 8, length -= 8)
        if (letters_at(one) != letters_at(other))
            return 0;
    return first_letters(letters_at(one), length) == first_letters(letters_at(other), length);
}

static uint64_t hash_of(chars p, int64_t length)
{
    uint64_t hash = 0;
    for (; length >= 8; p += 8, length -= 8)
        hash = mixed(hash ^ letters_at(p));
    return mixed(hash ^ first_letters(letters_at(p), length));
}

/* Return the number of a value, a new one where it was not met before; 0 where there is no room.

   Numbers that are read exactly are compared as such, all other values letter by letter. */
static int32_t number_of(struct read_job *job, int kind, chars start, int64_t length, int64_t number, uint64_t full)
{
    int by_letters = kind != WHOLE && kind != FRACTION;
    full = mixed(full ^ (uint64_t)kind);
    uint32_t hash = (uint32_t)(full >> 32);
    int64_t at = hash & job->mask;
    for (int tries = 0; tries < LONGEST_SEARCH; tries++, at = (at + 1) & job->mask) {
        struct slot *slot = &job->slots[at];
        int32_t place = slot->value;
        if (!place) {
            if (job->found == job->value_room || length > INT32_MAX)
                return 0;
            place = (int32_t)job->found++;
            job->values[place] = (struct value){start - job->text, number, (int32_t)length, kind};
            *slot = (struct slot){hash, place};
            return place;
        }
        const struct value *known = &job->values[place];
        if (slot->hash != hash || known->kind != kind)
            continue;
        if (by_letters ? known->length == length && same(job->text + known->start, start, length)
                       : known->number == number)
            return place;
    }
    return 0;
}

/* Return the last character of an escape whose second one is at `p`, or 0 where there is no such escape. */
static chars skip_escape(chars p)
{
    if (*p != 'u')
        return *p && strchr("\"\\/bfnrt", *p) ? p : 0;
    for (int place = 0; place < 4; place++)
        if (!*++p || !strchr("0123456789abcdefABCDEF", *p))
            return 0;
    return p;
}

static chars read_odd_text(struct read_job *job, chars p, int32_t *cell)
{
    chars start = p++;
    for (; *p != '"'; p++) {
        if (*p < 32 || (*p == '\\' && !(p = skip_escape(p + 1))))
            return 0;
    }
    p++;
    *cell = number_of(job, ODD_TEXT, start, p - start, 0, hash_of(start, p - start));
    return p;
}

/* A bit in each of 8 letters. */
#define ALL(letter) (0x0101010101010101u * (letter))

/* Return the highest bit of those letters that are 0, all of them ASCII. */
static inline uint64_t zeros(uint64_t letters)
{
    return ~(letters + ALL(0x7F)) & ALL(0x80);
}

/* Return the highest bit of the first letter that ends plain text: a quote, a backslash, a control or no ASCII.

   Those of later letters may be set too: a difference borrows from the next letter, though only from such a one on. */
static inline uint64_t stops(uint64_t letters)
{
    uint64_t quotes = letters ^ ALL('"'), slashes = letters ^ ALL('\\');
    uint64_t found = (letters - ALL(32)) | (quotes - ALL(1)) | (slashes - ALL(1));
    return (found | letters) & ALL(0x80);
}

/* Read a text 8 letters at a time. */
static chars read_text(struct read_job *job, chars p, int32_t *cell)
{
    chars start = p++;
    uint64_t hash = 0, space = 0x80, doubled = 0; /* a space at the start counts as a second one */
    for (;; p += 8) {
        uint64_t letters = letters_at(p), stop = stops(letters);
        int64_t count = 8;
        if (stop) {
            count = first_place(stop);
            letters = first_letters(letters, count);
        }
        uint64_t spaces = zeros((letters ^ ALL(' ')) & ALL(0x7F));
        doubled |= spaces & (spaces << 8 | space);
        space = spaces >> 56;
        hash = mixed(hash ^ letters);
        if (stop) {
            p += count;
            break;
        }
    }
    if (*p != '"' || doubled || p[-1] == ' ')
        return read_odd_text(job, start, cell);
    p++;
    *cell = number_of(job, TEXT, start, p - start, 0, hash ^ (uint64_t)(p - start));
    return p;
}

#ifdef __SIZEOF_INT128__
#define EXACT 1
/* Return the 64-bit float that is nearest to `value`, below 10^18, divided by 10 `places` times; at least once. */
static double divided(uint64_t value, int places)
{
    uint64_t power = 1;
    if (!value)
        return 0;
    for (; places; places--)
        power *= 10;
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ == 0
    if (value < (uint64_t)1 << 53 && power < (uint64_t)1 << 53)
        return (double)value / (double)power; /* both are exact, and so only the quotient is rounded */
#endif
    int shift = 56 + __builtin_clzll(value) - __builtin_clzll(power);
    unsigned __int128 large = (unsigned __int128)value << shift;
    uint64_t quotient = (uint64_t)(large / power); /* 56 or 57 bits */
    quotient |= large % power != 0;                /* whether it is above, for the rounding to 53 bits */
    return ldexp((double)quotient, -shift);
}
#else
#define EXACT 0
static double divided(uint64_t value, int places)
{
    (void)value, (void)places;
    return 0;
}
#endif

static chars read_number(struct read_job *job, chars p, int32_t *cell)
{
    chars start = p;
    int negative = *p == '-', digits = 0, places = 0, odd = 0;
    uint64_t value = 0;
    p += negative;
    if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
        return 0;
    for (; *p >= '0' && *p <= '9'; p++, digits++)
        value = value * 10 + (uint64_t)(*p - '0');
    if (*p == '.') {
        if (*++p < '0' || *p > '9')
            return 0;
        for (; *p >= '0' && *p <= '9'; p++, digits++, places++)
            value = value * 10 + (uint64_t)(*p - '0');
    }
    if (*p == 'e' || *p == 'E') { /* seldom written by anyone */
        odd = 1;
        p++;
        p += *p == '+' || *p == '-';
        if (*p < '0' || *p > '9')
            return 0;
        while (*p >= '0' && *p <= '9')
            p++;
    }
    if (!odd && !places && digits > PYTHONS_DIGITS)
        return 0;
    if (odd || digits > MOST_DIGITS || (places && !EXACT)) {
        *cell = number_of(job, ODD_NUMBER, start, p - start, 0, hash_of(start, p - start));
        return p;
    }
    int kind = WHOLE;
    int64_t number = negative ? -(int64_t)value : (int64_t)value;
    if (places) {
        double nearest = negative ? -divided(value, places) : divided(value, places);
        if (fabs(nearest) >= LARGEST_EXACT) { /* as whole number and as float it would be compared differently */
            *cell = number_of(job, ODD_NUMBER, start, p - start, 0, hash_of(start, p - start));
            return p;
        }
        number = (int64_t)nearest;
        if ((double)number != nearest) {
            kind = FRACTION;
            memcpy(&number, &nearest, 8);
        }
    }
    *cell = number_of(job, kind, start, p - start, number, (uint64_t)number);
    return p;
}

static chars read_word(struct read_job *job, chars p, const char *word, int kind, int32_t *cell)
{
    size_t length = strlen(word);
    if (strncmp((const char *)p, word, length))
        return 0;
    *cell = kind == ABSENT ? ABSENT : number_of(job, kind, p, (int64_t)length, 0, *p);
    return p + length;
}

/* Return what follows the value that begins at `p`, or 0 where it is none of those that are read. */
static chars read_value(struct read_job *job, chars p, int32_t *cell)
{
    switch (*p) {
    case '"':
        p = read_text(job, p, cell);
        break;
    case 'n':
        p = read_word(job, p, "null", ABSENT, cell);
        break;
    case 't':
        p = read_word(job, p, "true", TRUTH, cell);
        break;
    case 'f':
        p = read_word(job, p, "false", TRUTH, cell);
        break;
    default:
        p = read_number(job, p, cell);
    }
    return p && *cell ? p : 0;
}

/* Return the letter after the name of a column if the key that begins at `p` is that, else 0. */
static inline chars after_key(const struct read_job *job, chars p, int64_t column)
{
    int64_t length = job->key_lengths[column];
    return same(job->text + job->key_starts[column], p, length) && p[length] == '"' ? p + length : 0;
}

/* Return the column of a key, a new one where it was not met before; -1 where there is no room or it has escapes. */
static int64_t column_of(struct read_job *job, chars key, chars *end)
{
    for (int64_t column = 0; column < job->columns; column++)
        if ((*end = after_key(job, key, column)))
            return column;
    chars p = key;
    while (*p != '"') {
        if (*p < 32 || *p == '\\')
            return -1;
        p++;
    }
    *end = p;
    if (job->columns == job->width)
        return -1;
    memset(&job->cells[job->columns * job->room], 0, (size_t)job->room * 4);
    job->key_starts[job->columns] = key - job->text;
    job->key_lengths[job->columns] = p - key;
    return job->columns++;
}

static chars read_object(struct read_job *job, chars p, int64_t record)
{
    if (*p != '{' || record == job->room)
        return 0;
    p = skip(p + 1);
    if (*p == '}')
        return p + 1;
    for (int64_t column = -1;;) {
        if (*p != '"')
            return 0;
        chars end = ++column < job->columns ? after_key(job, p + 1, column) : 0; /* most have their keys in one order */
        if (!end && (column = column_of(job, p + 1, &end)) < 0)
            return 0;
        p = skip(end + 1);
        if (*p != ':')
            return 0;
        int32_t *cell = &job->cells[column * job->room + record];
        if (*cell || !(p = read_value(job, skip(p + 1), cell)))
            return 0;
        p = skip(p);
        if (*p == '}')
            return p + 1;
        if (*p != ',')
            return 0;
        p = skip(p + 1);
    }
}

/* Return how many records `text` has, read into rows from `first` on; -1 where it is refused. */
static int64_t read_list(struct read_job *job, chars text, chars end, int64_t first)
{
    chars p = skip(text);
    int64_t record = first;
    if (*p != '[')
        return -1;
    p = skip(p + 1);
    if (*p == ']')
        return skip(p + 1) == end ? 0 : -1;
    for (;;) {
        if (!(p = read_object(job, p, record++)))
            return -1;
        p = skip(p);
        if (*p == ']')
            return skip(p + 1) == end ? record - first : -1;
        if (*p != ',')
            return -1;
        p = skip(p + 1);
    }
}

PUBLIC int t2j_scorer_interface(void)
{
    return 3;
}

/* Read all texts, one after the other; return how many records they have. */
PUBLIC int64_t t2j_read(struct read_job *job)
{
    int64_t records = 0;
    job->columns = 0;
    job->found = 2;
    for (int64_t text = 0; text < job->texts; text++) {
        int64_t count = read_list(job, job->text + job->starts[text], job->text + job->ends[text], records);
        job->counts[text] = count;
        if (count >= 0)
            records += count;
        else
            for (int64_t column = 0; column < job->columns; column++)
                memset(&job->cells[column * job->room + records], 0, (size_t)(job->room - records) * 4);
    }
    return records;
}
