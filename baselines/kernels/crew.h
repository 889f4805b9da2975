/* Threads that share the pieces of the work of one kernel, or of several that follow one another.

They are started at the first call that wants them and sleep between calls. A call never waits for a thread that has
not begun: whoever wakes up late finds the crew gone and sleeps on, so a busy machine slows a call no more than the
work itself. Between two kernels of one call, threads wait for the pieces at hand without going to sleep. A child of fork() starts with no threads, and makes its own. One crew works at a time; a call from another
thread meanwhile does its work alone. */

#define CREW_MOST 256

typedef void (*work)(const void *job, int64_t item, int member);

struct phase {
    work fn;
    const void *job;
    int64_t items;
    int64_t next, done;
};

struct crew {
    struct phase *phases;
    int64_t many;
};

static pthread_mutex_t crew_turn = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t crew_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t crew_wake = PTHREAD_COND_INITIALIZER, crew_done = PTHREAD_COND_INITIALIZER;
static struct crew *crew_open; /* what there is to join */
static int crew_threads, crew_wanted, crew_joined, crew_active;
static uint64_t crew_number;

#define SPINS 4000 /* turns of waiting before other programs get their turn */

static void crew_pause(int turn) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
    if (turn > SPINS) sched_yield();
}

static void crew_work(struct crew *crew, int member) {
    for (int64_t p = 0; p < crew->many; p++) {
        struct phase *phase = &crew->phases[p];
        for (;;) {
            int64_t item = __atomic_fetch_add(&phase->next, 1, __ATOMIC_RELAXED);
            if (item >= phase->items) break;
            phase->fn(phase->job, item, member);
            __atomic_fetch_add(&phase->done, 1, __ATOMIC_RELEASE);
        }
        for (int turn = 0; __atomic_load_n(&phase->done, __ATOMIC_ACQUIRE) < phase->items; turn++) crew_pause(turn);
    }
}

static void *crew_member(void *nothing) {
    uint64_t seen = 0;
    (void)nothing;
    pthread_mutex_lock(&crew_lock);
    for (;;) {
        while (!crew_open || crew_number == seen || crew_joined >= crew_wanted) pthread_cond_wait(&crew_wake, &crew_lock);
        struct crew *crew = crew_open;
        int member = ++crew_joined;
        seen = crew_number;
        crew_active++;
        pthread_mutex_unlock(&crew_lock);
        crew_work(crew, member);
        pthread_mutex_lock(&crew_lock);
        if (--crew_active == 0) pthread_cond_signal(&crew_done);
    }
    return NULL;
}

static void crew_forget(void) {
    pthread_mutex_init(&crew_turn, NULL);
    pthread_mutex_init(&crew_lock, NULL);
    pthread_cond_init(&crew_wake, NULL);
    pthread_cond_init(&crew_done, NULL);
    crew_open = NULL;
    crew_threads = crew_active = 0;
}

/* Have `more` threads beside the caller's; as many as can be started. */
static void crew_gather(int more) {
    static int told;
    if (!told) told = pthread_atfork(NULL, NULL, crew_forget) == 0;
    while (crew_threads < more) {
        pthread_t id;
        if (pthread_create(&id, NULL, crew_member, NULL)) return;
        pthread_detach(id);
        crew_threads++;
    }
}

/* Do the phases one after the other on up to `threads` threads. */
static void share(struct phase *phases, int64_t many, int threads) {
    struct crew crew = {phases, many};
    int64_t most = 0;
    for (int64_t p = 0; p < many; p++) most = phases[p].items > most ? phases[p].items : most;
    if (threads > CREW_MOST) threads = CREW_MOST;
    if (threads > most) threads = (int)most;
    if (threads < 2 || pthread_mutex_trylock(&crew_turn)) {
        crew_work(&crew, 0);
        return;
    }
    crew_gather(threads - 1);
    pthread_mutex_lock(&crew_lock);
    crew_open = &crew;
    crew_wanted = threads - 1;
    crew_joined = 0;
    crew_number++;
    pthread_cond_broadcast(&crew_wake);
    pthread_mutex_unlock(&crew_lock);
    crew_work(&crew, 0);
    pthread_mutex_lock(&crew_lock);
    crew_open = NULL;
    pthread_mutex_unlock(&crew_lock);
    for (int turn = 0; turn < SPINS && __atomic_load_n(&crew_active, __ATOMIC_ACQUIRE); turn++) crew_pause(turn);
    pthread_mutex_lock(&crew_lock);
    while (crew_active) pthread_cond_wait(&crew_done, &crew_lock);
    pthread_mutex_unlock(&crew_lock);
    pthread_mutex_unlock(&crew_turn);
}

#undef SPINS
