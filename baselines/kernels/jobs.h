/* What each kernel is told. Fields are pointers and 64-bit numbers only, in the order of kernels/library.py.

A pointer named `..16` may point at bfloat16 where the job's `half` is not 0, and at float32 otherwise. */

#define SLICE 256       /* rows that one piece of work takes */
#define LONG_SLICE 8192 /* the same where a row is a few numbers */
#define TILE 8          /* tokens that are scored together */
#define AHEAD 8         /* rows that are asked for before they are needed */

/* q.k for keys as HIGGS codes. The keys of all heads stand side by side, cut into groups of `group` channels; `block`
is the largest power of two that divides a head and a group. The query comes turned in blocks; a group's blocks are
joined here. With `digits`, the grid is a lattice, a block is a head, and the work may be done in whole numbers. */
struct higgs_scores_job {
    const uint8_t *codes;   /* (batch, tokens, codes_per_token) */
    const uint16_t *scales; /* (batch, tokens, groups), float16 */
    const float *grid;      /* (points, d) */
    const float *query;     /* (batch, heads, per_head, size) */
    float *scores;          /* (batch, heads, per_head, tokens) */
    float *scratch;         /* (threads, groups * group * TILE * 5 / 4 + groups * TILE), or for tiles what tiles.h uses */
    const int8_t *points;   /* (4, 256) the grid's channels in steps, or NULL */
    int8_t *digits;         /* (batch, groups, group * columns), or NULL */
    float *steps;           /* (batch, heads, per_head), or NULL */
    double step;            /* of the grid */
    int64_t batch, tokens, heads, per_head, size, d, group, groups, block;
};

/* A query in float32, with signs, and turned in blocks by a Walsh-Hadamard transform of norm 1. */
struct turn_query_job {
    const void *query16; /* (batch, heads, per_head, size) */
    const float *signs;  /* (heads, size) or NULL */
    float *turned;       /* (batch, heads, per_head, size) */
    int64_t rows, heads, per_head, size, block, half;
};

/* q.rows for plain rows; `add` adds to what `scores` holds. Of the query, with `part` 1 the positive channels count, with
-1 the negative ones, with 0 all. */
struct row_scores_job {
    const void *rows16; /* (planes, units, size) */
    const void *query;  /* (planes, per_head, size) bfloat16 if `query_half` */
    float *scores;      /* (planes, per_head, units) */
    float *scratch;     /* (threads, per_head * size) */
    int64_t planes, units, per_head, size, half, query_half, part, add;
};

/* max over the group of log softmax over the allowed units. */
struct softmax_max_job {
    const float *scores;    /* (planes, per_head, units) */
    const uint8_t *allowed; /* (planes, units) */
    float *weights;         /* (planes, units) */
    double scaling;
    int64_t planes, units, per_head;
};

/* The mean over `per_row` planes of scores, times a factor; minus infinity where not allowed. With one plane to a row,
each query head ranks for itself. */
struct plain_rank_job {
    const float *scores;    /* (rows, per_row, units) */
    const uint8_t *allowed; /* (rows / rows_per_head, units) */
    float *weights;         /* (rows, units) */
    double scaling;
    int64_t rows, units, per_row, rows_per_head;
};

/* The places of the largest weights of each row, in ascending order; of equal weights the first. */
struct pick_job {
    const float *weights;  /* (rows, units) */
    const int64_t *counts; /* (rows / rows_per_count) */
    int64_t *places;       /* (rows, most) */
    uint8_t *chosen;       /* (rows, most) */
    float *scratch;        /* (threads, 3 * (units + 16)) */
    int64_t rows, units, most, rows_per_count;
};

/* The tokens of picked units; a token counts where its unit is chosen and it is no padding. */
struct spread_units_job {
    const int64_t *places; /* (rows, most) */
    const uint8_t *chosen; /* (rows, most) */
    const uint8_t *valid;  /* (rows / rows_per_batch, length) */
    int64_t *tokens;       /* (rows, most, unit) */
    uint8_t *known;        /* (rows, most, unit) */
    int64_t rows, most, unit, length, rows_per_batch;
};

/* Rotary positions of places: counted from where the sequence starts. */
struct place_job {
    const int64_t *places; /* (rows, many) */
    const int64_t *starts; /* (rows / rows_per_batch) */
    int64_t *positions;    /* (rows, many) */
    int64_t rows, many, rows_per_batch;
};

/* Which of the tokens read now the step before had not read; then these are the marked ones. Tokens come in units of
neighbours that begin at a multiple of `unit`, and each unit has one mark. */
struct mark_job {
    const int64_t *places; /* (rows, most, unit) */
    const uint8_t *chosen; /* (rows, most, unit) */
    const int64_t *last;   /* (rows, last_most) units of the step before */
    int64_t *kept;         /* (rows, most) becomes the units of this one; may be `last` if that has the shape */
    uint8_t *marks;        /* (rows, units) */
    int64_t *counts;       /* (rows, 2) chosen tokens, and new ones among them */
    int64_t rows, most, unit, last_most, units;
};

#define SEGMENTS 3
#define CODED 32 /* rows of codes that are looked up together */

/* Attention of one position over up to three stretches of keys and values. */
struct segment {
    const void *keys16;        /* (batch, heads, key_rows, size) */
    const void *values16;      /* (batch, heads, value_rows, size), or NULL where values are codes */
    const uint8_t *codes;      /* (batch, heads, value_rows, group / d) */
    const uint16_t *scales;    /* (batch, heads, value_rows), float16 */
    const float *grid;         /* (points, d) */
    const float *signs;        /* (group) or NULL */
    const int64_t *key_at;     /* (batch, choosers, length) rows to read, or NULL for the first `length` */
    const int64_t *value_at;   /* the same for values */
    const uint8_t *known;      /* (batch, choosers or heads, length) which of them count, or NULL for all */
    int64_t length;
    int64_t key_heads, key_rows;     /* heads and rows of `keys16` */
    int64_t value_heads, value_rows; /* heads and rows of `values16` */
    int64_t known_heads;
    int64_t group, d;
};

struct attend_job {
    const void *query16; /* (batch, choosers, per_chooser, size) */
    void *out16;         /* the same */
    float *scratch;      /* (threads, scratch_size) */
    double scaling;
    int64_t scratch_size; /* per_chooser * (all lengths + 2 * size), and (per_chooser + CODED) * group for codes */
    int64_t batch, choosers, per_chooser, size, half, segments;
    struct segment segment[SEGMENTS];
};

/* Rows from HIGGS codes: looked up, scaled and turned back; with `frequencies`, they get their rotary positions. */
struct higgs_read_job {
    const uint8_t *codes;     /* (planes, tokens, codes_per_row) */
    const uint16_t *scales;   /* (planes, tokens, groups), float16 */
    const float *grid;        /* (points, d) */
    const float *signs;       /* (group) or NULL */
    const int64_t *at;        /* (planes, rows_per_plane) */
    void *out16;              /* (planes, rows_per_plane, size) */
    float *scratch;           /* (threads, 4 * groups * group) */
    const int64_t *positions; /* (planes, rows_per_plane) */
    const float *frequencies; /* (width / 2) or NULL */
    double amplitude;
    int64_t rows, rows_per_plane, tokens, size, d, group, groups, width, half;
};

/* Rows left[at].right of each head, with their rotary positions. */
struct low_rank_read_job {
    const void *left16;       /* (batch, tokens, rank), shared by the heads */
    const void *right16;      /* (batch, rank, heads, size) */
    const int64_t *at;        /* (batch, heads, rows_per_plane) */
    void *out16;              /* (batch, heads, rows_per_plane, size) */
    float *scratch;           /* (threads, scratch_size) */
    const int64_t *positions; /* (batch, heads, rows_per_plane) */
    const float *frequencies; /* (width / 2) or NULL */
    double amplitude;
    int64_t scratch_size; /* 4 * (rank + size) + rank * size, or for tiles what tiles.h uses */
    int64_t planes, heads, rows_per_plane, tokens, size, rank, width, half;
};

/* Rotary positions in the layout of Llama: channel c and c + width / 2 are a pair, those from `width` on stay. */
struct rotate_job {
    const void *rows16;       /* (rows, size) */
    const int64_t *positions; /* (rows) */
    const float *frequencies; /* (width / 2) */
    void *out16;              /* (rows, size) */
    double amplitude;
    int64_t rows, size, width, half_in, half_out;
};

/* The nearest grid point of each tuple. */
struct nearest_job {
    const float *tuples_; /* (tuples, d) */
    const float *grid;    /* (points, d) */
    uint8_t *codes;       /* (tuples) */
    int64_t tuples, points, d;
};

/* One of several kernels that follow one another. */
struct link {
    int64_t kernel;
    const void *job;
};
