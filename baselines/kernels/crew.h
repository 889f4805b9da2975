/* Threads for the length of one call. They are started and joined within it: nothing lives on between calls, so a
process may fork, and no second thread pool competes with torch's. Starting one costs about 10 microseconds. */

#define CREW_MOST 256

typedef void (*work)(const void *job, int64_t item, int member);

struct crew {
    work fn;
    const void *job;
    int64_t items;
    int64_t next;
};

struct member {
    struct crew *crew;
    int number;
};

static void *crew_member(void *argument) {
    struct member *self = argument;
    struct crew *crew = self->crew;
    for (;;) {
        int64_t item = __atomic_fetch_add(&crew->next, 1, __ATOMIC_RELAXED);
        if (item >= crew->items) return NULL;
        crew->fn(crew->job, item, self->number);
    }
}

/* Do `items` pieces of work on up to `threads` threads; where a thread cannot be started, on fewer. */
static void share(work fn, const void *job, int64_t items, int threads) {
    struct crew crew = {fn, job, items, 0};
    struct member members[CREW_MOST];
    pthread_t ids[CREW_MOST];
    int started = 0;
    if (threads > CREW_MOST) threads = CREW_MOST;
    for (int n = 1; n < threads && n < items; n++) {
        members[n] = (struct member){&crew, n};
        if (pthread_create(&ids[started], NULL, crew_member, &members[n])) break;
        started++;
    }
    members[0] = (struct member){&crew, 0};
    crew_member(&members[0]);
    for (int n = 0; n < started; n++) pthread_join(ids[n], NULL);
}
