/*
 * The protocol of runner, endpoint, sweep and direct update, for the model checker Spin: `npm run model`.
 *
 * One job. Runners generate a result each (a take-over makes another one), commit it, and send it; sweeps send it again.
 * The network loses, repeats and reorders; processes die between any two steps; leases run out at any moment, whether
 * their holder has died or is only slow. What is atomic here is one transaction there.
 *
 * The report may be deleted at any moment after the commit, and its content be erased with it.
 *
 * Checked: at most one effect, and that of the committed result; nothing is sent before it is committed; nobody but its
 * holder ends a lease that has not run out; nothing is claimed or applied once it is erased; and where everything has come to
 * rest, the result is applied and its delivery confirmed, or it is erased, and no delivery shows a holder. Taking out one of
 * the four safeguards below must make that fail, or the model would prove nothing.
 *
 * Not in the model: the durable schedule and its end (a sweep comes as often as it likes), the circuit breaker, the order
 * among several jobs of one report, and a report that is deleted before its result is committed.
 */

/* A fencing token is raised by every claim, so that one is current exactly as long as nobody else has claimed since. */
#ifdef NO_FENCING
#define CURRENT(holder) true
#else
#define CURRENT(holder) (holder == me)
#endif

#ifdef NO_IDEMPOTENCY
#define IS_NEW true
#else
#define IS_NEW (effects == 0)
#endif

/* An erased event keeps its id: whatever comes under it is a duplicate. */
#ifdef NO_ERASED_ID
#define IS_KNOWN_ERASED false
#else
#define IS_KNOWN_ERASED forgotten
#endif

#define PROCESSES 5 /* runners 1 and 2, sweeps 3 and 4; 0 is nobody */
#define FAULTS 2    /* messages lost or repeated, processes that die, a report that is deleted */
#define AT_ONCE 2   /* POSTs that are under way at a time */
#ifndef EXPIRIES
#define EXPIRIES 1 /* leases that run out while their holder lives */
#endif

byte faults, expiries;

/* The database. A result is known by the number of the runner that made it; 0 is none. */
byte committed;
byte job_holder;
bool job_leased;
byte delivery_holder;
bool delivery_leased;
bool retrying; /* what the delivery shows: somebody holds it */
bool confirmed;
bool forgotten;
byte effects, applied;

/* Messages under way, in no order. */
byte posts;
bool answers[PROCESSES];
bool posted[PROCESSES]; /* who waits for an answer */

bool dead[PROCESSES];

#define holds_lease(p) ((job_leased && job_holder == p) || (delivery_leased && delivery_holder == p))

inline apply() {
  if
  :: IS_NEW && !IS_KNOWN_ERASED -> effects++; applied = committed; assert(effects == 1 && !forgotten)
  :: else -> skip
  fi
}

/* The transitions of a delivery, by their names in private.move_delivery(). */
inline claimed() {
  assert(!forgotten);
  delivery_holder = me;
  delivery_leased = true;
  retrying = true
}

/* The token stays: a holder that was only slow may still record its round. */
inline released() {
  retrying = false
}

inline delivered() {
  confirmed = true;
  retrying = false
}

/* Its token is raised: whoever holds it records nothing any more. */
inline erased() {
  forgotten = true;
  delivery_leased = false;
  delivery_holder = 0;
  retrying = false
}

/* What a sender records, which ends its lease. `unknown` and `refused` differ in the schedule, which is not in the model. */
inline failed() {
  if
  :: CURRENT(delivery_holder) ->
    /* A lease that has not run out is ended by its holder alone. */
    assert(!delivery_leased || delivery_holder == me);
    delivery_leased = false;
    delivery_holder = 0;
    retrying = false
  :: else -> skip
  fi
}

/* The process may die here. */
#define MAY_DIE if :: faults < FAULTS -> faults++; dead[me] = true; posted[me] = false; goto end :: true -> skip fi

/* Sends the committed result, and records what came of it under the token of its claim. */
inline send_and_record() {
  MAY_DIE;
  atomic {
    assert(committed != 0);
    posted[me] = true;
    answers[me] = false;
    if
    :: posts < AT_ONCE -> posts++
    :: else -> skip
    fi
  };
  atomic {
    if
    :: answers[me] -> heard = true
    :: true -> heard = false /* the time-out */
    fi;
    posted[me] = false
  };
  MAY_DIE;
  atomic {
    if
    :: heard -> assert(confirmed || forgotten); delivered()
    :: else -> apply() /* the direct update */
    fi;
    failed();
    heard = false
  }
}

proctype Runner(byte me) {
  bool heard;

again:
end_idle:
  /* Requested, or taken over because the lease of the one before has run out. */
  if
  :: atomic { committed == 0 && !job_leased -> job_holder = me; job_leased = true }
  :: atomic { committed != 0 -> goto done }
  fi;
  MAY_DIE;
#ifdef POST_BEFORE_COMMIT
  atomic { assert(committed != 0); posts++ };
#endif
  atomic {
    if
    :: committed == 0 && CURRENT(job_holder) ->
      assert(!job_leased || job_holder == me);
      committed = me;
      job_leased = false;
      claimed() /* A delivery is created under a lease of its creator. */
    :: else -> goto again
    fi
  };
  send_and_record();
  goto done;
end:
  /* The next take-over finds what this one left. */
  atomic { dead[me] && !holds_lease(me) -> dead[me] = false };
  goto again;
done:
  skip
}

proctype Sweep(byte me) {
  bool heard;

again:
end_idle:
  if
  :: atomic { committed != 0 && !confirmed && !forgotten && !delivery_leased -> claimed() }
  :: atomic { retrying && !delivery_leased -> released(); goto again }
  :: atomic { confirmed || forgotten -> goto done }
  fi;
  send_and_record();
  goto again;
end:
  /* The next cron finds what this one left. */
  atomic { dead[me] && !holds_lease(me) -> dead[me] = false };
  goto again;
done:
  skip
}

/* A webhook endpoint and its transaction. Its answer goes to anyone who waits for one, or is lost. */
active proctype Endpoint() {
  byte to;
end:
  do
  :: atomic {
      posts > 0 -> posts--;
      apply();
      if
      :: !forgotten -> delivered()
      :: else -> skip /* a duplicate */
      fi
    };
    atomic {
      if
      :: posted[1] -> to = 1
      :: posted[2] -> to = 2
      :: posted[3] -> to = 3
      :: posted[4] -> to = 4
      :: true -> to = 0
      fi;
      if
      :: to != 0 -> answers[to] = true
      :: else -> skip
      fi;
      to = 0
    }
  od
}

active proctype Network() {
end:
  do
  :: atomic { faults < FAULTS && posts > 0 -> faults++; posts-- }
  :: atomic { faults < FAULTS && posts > 0 && posts < AT_ONCE -> faults++; posts++ }
  od
}

/* Leases run out: those of the dead always, those of the living now and then. */
active proctype Clock() {
end:
  do
  :: atomic { job_leased && dead[job_holder] -> job_leased = false }
  :: atomic { delivery_leased && dead[delivery_holder] -> delivery_leased = false }
  :: atomic { job_leased && expiries < EXPIRIES -> expiries++; job_leased = false }
  :: atomic { delivery_leased && expiries < EXPIRIES -> expiries++; delivery_leased = false }
  od
}

/* The report may be deleted, and its content is erased then. */
active proctype Owner() {
end:
  if
  :: true -> skip /* it stays */
  :: atomic { committed != 0 && faults < FAULTS -> faults++; erased() }
  fi
}

/* Nothing moves any more: nothing may be missing. */
active proctype Rest() {
end:
  timeout ->
  assert(committed != 0 && !retrying && (forgotten || (effects == 1 && applied == committed && confirmed)))
}

init {
  atomic { run Runner(1); run Runner(2); run Sweep(3); run Sweep(4) }
}
