/* What the sources of the scorer's library share. */

#ifndef TEXT2JSON_METRICS_COMPILED_H
#define TEXT2JSON_METRICS_COMPILED_H

#include <stdint.h>

#if defined(_WIN32)
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC __attribute__((visibility("default")))
#endif

typedef const unsigned char *chars;

/* What a value is; flat_json.py has the same. A text is odd unless it is ASCII without escapes and has single spaces
   inside only; a number is odd where 64-bit arithmetic might not give its exact value. */
enum { MISSING, ABSENT, TEXT, ODD_TEXT, WHOLE, FRACTION, ODD_NUMBER, TRUTH };

struct value {
    int64_t start, number; /* in the text, quotes included; of WHOLE the number itself, of FRACTION its bits */
    int32_t length, kind;
};

#endif
