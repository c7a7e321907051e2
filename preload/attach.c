/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Attach and detach: which memory the process counts in, and when the gate is open. */
#include "config.h"
#include "preload/attach.h"

#include <sys/mman.h>

#include "preload/account.h"
#include "preload/link.h"
#include "preload/pins.h"
#include "preload/place.h"
#include "preload/site.h"
#include "preload/slow.h"
#include "shm/board.h"
#include "shm/segment.h"

#define RETRY_NS     DAM_NS_PER_S	  /* no coordinator: look again after this */
#define RETRY_MAX_NS (32 * DAM_NS_PER_S)  /* one that does not answer: double up to this */
#define ANSWER_NS    (10 * DAM_NS_PER_S)  /* no answer after this: give up */
#define POLL_MAX_NS  (50 * DAM_NS_PER_MS) /* longest pause between two looks for the answer */
#define CHECK_NS \
	(100 * DAM_NS_PER_MS) /* attached: is the coordinator alive, has the directory changed? */
#define LAST_WORDS_MS	  5   /* how long a program that ends waits for an outstanding answer, … */
#define LAST_WORDS_RUN_MS 250 /* … and where a dam-run that was asked to measure it waits with it */

struct dam_gate dam_gate;
uint32_t dam_sealed;
bool dam_enabled;
bool dam_slow_ready;

/* Written under the line's lock, dam_gate.busy. */
static struct {
	enum { OFF, WAITING, ON } phase;
	/* Address ranges reserved for good; what lies there is replaced in place. */
	struct dam_ledger *private_ledger, *ledger;
	struct dam_board *board;
	uint64_t last_epoch;	/* never used twice in this process or its children */
	uint64_t private_epoch; /* of the WAITING before the present ON */
	uint64_t due_ns;	/* nothing to do before */
	uint64_t asked_ns, poll_ns, retry_ns;
	uint64_t shift_ns;     /* from our clock to the coordinator's */
	uint64_t board_period; /* of the directory that the routes come from; 0: ask again */
} state;

static bool reserve(void)
{
	if (!state.private_ledger)
		state.private_ledger = dam_segment_fresh(NULL, sizeof(struct dam_ledger));
	if (!state.ledger)
		state.ledger = dam_segment_fresh(NULL, sizeof(struct dam_ledger));
	if (!state.board)
		state.board = dam_segment_fresh(NULL, sizeof(struct dam_board));
	return state.private_ledger && state.ledger && state.board;
}

bool dam_slow_prepare(void)
{
	/* the page is wiped in the children of children, too */
	if (!dam_link_may_call() || dam_sys3(SYS_madvise, (long)&dam_gate, sizeof(dam_gate), MADV_WIPEONFORK))
		return false;
	__atomic_store_n(&dam_slow_ready, true, __ATOMIC_RELEASE);
	return true;
}

/* First use in this process. In a child everything mapped is the parent's: let go of it before anything is written. */
static bool be_born(void)
{
	static bool child;

	state.phase = OFF;
	state.due_ns = 0;
	state.retry_ns = RETRY_NS;
	if (child) {
		dam_pins_leave();
		dam_link_close();
		if (!dam_segment_fresh(state.ledger, sizeof(*state.ledger)) ||
		    !dam_segment_fresh(state.board, sizeof(*state.board)))
			return false;
	}
	child = true;
	dam_place_init();
	dam_gate.pid = (uint32_t)dam_sys3(SYS_getpid, 0, 0, 0);
	__atomic_store_n(&dam_gate.born, 1, __ATOMIC_RELEASE);
	return true;
}

static void open_gate(uint64_t parity)
{
	state.last_epoch += 2 - (state.last_epoch + parity) % 2;
	/* Release: who sees the epoch sees the ledger and the routes that go with it. */
	__atomic_store_n(&dam_gate.epoch, state.last_epoch, __ATOMIC_RELEASE);
}

static void retry_later(uint64_t now_ns, uint64_t wait_ns)
{
	__atomic_store_n(&dam_gate.epoch, 0, __ATOMIC_RELEASE);
	state.phase = OFF;
	__atomic_store_n(&state.due_ns, now_ns + wait_ns, __ATOMIC_RELAXED);
}

/* Somebody is there: count in private memory from now on, and only then take the time to connect. */
static bool begin_private(uint64_t now_ns)
{
	if (!reserve() || !dam_segment_fresh(state.private_ledger, sizeof(*state.private_ledger)))
		return false;
	dam_ledger_init(state.private_ledger, 0);
	if (!dam_slow_lock_soon(&dam_gate.routing))
		return false;
	state.phase = WAITING;
	dam_place_route_all(state.private_ledger, NULL, now_ns);
	dam_slow_unlock(&dam_gate.routing);
	open_gate(0);
	state.private_epoch = state.last_epoch;
	return true;
}

static void ask(uint64_t now_ns)
{
	if (!dam_link_there() || !begin_private(now_ns) || dam_link_ask()) {
		retry_later(now_ns, RETRY_NS);
		return;
	}
	state.asked_ns = now_ns;
	state.poll_ns = DAM_NS_PER_MS;
	/* Release: pairs with dam_attach_due(). */
	__atomic_store_n(&state.due_ns, now_ns, __ATOMIC_RELEASE);
}

/* Return: false: what it sent cannot be used; anonymous memory is back. */
static bool map_segments(int ledger_fd, int board_fd)
{
	void *at;

	if (!dam_segment_map(ledger_fd, sizeof(struct dam_ledger), false, state.ledger, &at) &&
	    !dam_segment_map(board_fd, sizeof(struct dam_board), true, state.board, &at) &&
	    dam_ledger_valid(state.ledger) && dam_board_valid(state.board))
		return true;
	dam_segment_fresh(state.ledger, sizeof(*state.ledger));
	dam_segment_fresh(state.board, sizeof(*state.board));
	return false;
}

static void route(uint64_t now_ns)
{
	uint64_t period = __atomic_load_n(&state.board->period, __ATOMIC_ACQUIRE);

	state.board_period = dam_place_route_all(state.ledger, state.board, now_ns) ? 0 : period;
}

static void poll_answer(uint64_t now_ns)
{
	int ledger_fd, board_fd, err;
	bool mapped;

	err = dam_link_answer(&ledger_fd, &board_fd);
	if (err == -EAGAIN && now_ns - state.asked_ns < ANSWER_NS) {
		__atomic_store_n(&state.due_ns, now_ns + state.poll_ns, __ATOMIC_RELAXED);
		state.poll_ns = state.poll_ns * 2 < POLL_MAX_NS ? state.poll_ns * 2 : POLL_MAX_NS;
		return;
	}
	if (err) {
		dam_link_close();
		retry_later(now_ns, state.retry_ns);
		state.retry_ns =
			state.retry_ns * 2 < RETRY_MAX_NS ? state.retry_ns * 2 : RETRY_MAX_NS;
		return;
	}
	mapped = map_segments(ledger_fd, board_fd);
	dam_sys3(SYS_close, ledger_fd, 0, 0);
	dam_sys3(SYS_close, board_fd, 0, 0);
	if (!mapped) {
		retry_later(now_ns, RETRY_MAX_NS);
		return;
	}
	state.phase = ON;
	__atomic_store_n(&state.shift_ns, dam_board_shift(state.board, now_ns), __ATOMIC_RELAXED);
	route(now_ns);
	dam_place_remap_all(state.private_ledger);
	state.retry_ns = RETRY_NS;
	__atomic_store_n(&state.due_ns, now_ns + CHECK_NS, __ATOMIC_RELAXED);
	dam_account_adopt(state.private_ledger, state.ledger, true);
	dam_site_adopt(state.private_ledger, state.ledger);
	open_gate(DAM_EPOCH_ATTACHED);
}

bool dam_attach_alive(uint64_t now_ns)
{
	const struct dam_board *board = dam_attach_board();

	return board && dam_board_alive(board, now_ns + __atomic_load_n(&state.shift_ns, __ATOMIC_RELAXED));
}

static void check(uint64_t now_ns)
{
	__atomic_store_n(&state.due_ns, now_ns + CHECK_NS, __ATOMIC_RELAXED);
	if (dam_attach_alive(now_ns)) {
		if (__atomic_load_n(&state.board->period, __ATOMIC_RELAXED) != state.board_period)
			route(now_ns);
		/* of threads that were just ending when the answer came */
		dam_account_adopt(state.private_ledger, state.ledger, true);
		return;
	}
	retry_later(now_ns, RETRY_NS);
	__atomic_store_n(&state.ledger->detached, 1, __ATOMIC_RELEASE);
	/* threads in the middle of a submission still store there: into memory that nobody reads */
	dam_segment_fresh(state.ledger, sizeof(*state.ledger));
	dam_segment_fresh(state.board, sizeof(*state.board));
}

bool dam_attach_due(uint64_t now_ns)
{
	/* Acquire: who sees the time of the next look for the answer sees the gate that was opened before. */
	return now_ns >= __atomic_load_n(&state.due_ns, __ATOMIC_ACQUIRE) || !dam_gate.born;
}

/* One step with the line's lock held. What is mapped, and the routes, change under the routing lock too. */
static void step(uint64_t now_ns)
{
	if (!dam_gate.born && !be_born())
		return;
	if (state.phase == OFF) {
		ask(now_ns);
	} else if (dam_slow_trylock(&dam_gate.routing)) {
		(state.phase == ON ? check : poll_answer)(now_ns);
		dam_slow_unlock(&dam_gate.routing);
	}
}

/* Threads that start together: while one asks, the others' first submissions are to be counted as well. */
static bool lock_line(void)
{
	for (int i = 0; i < DAM_LOCK_TRIES; i++) {
		if (dam_slow_trylock(&dam_gate.busy))
			return true;
		if (__atomic_load_n(&dam_gate.epoch, __ATOMIC_RELAXED))
			return false;
		dam_slow_nap(i);
	}
	return false;
}

void dam_attach_step(uint64_t now_ns)
{
	if (!dam_attach_due(now_ns))
		return;
	if (!lock_line())
		return;
	if (dam_attach_due(now_ns))
		step(now_ns);
	dam_slow_unlock(&dam_gate.busy);
}

void dam_attach_wait(void)
{
	if (!dam_gate.born || state.phase != WAITING)
		return;
	dam_link_wait(dam_link_measured() ? LAST_WORDS_RUN_MS : LAST_WORDS_MS);
	__atomic_store_n(&state.due_ns, 0, __ATOMIC_RELAXED);
	dam_attach_step(dam_now_coarse_ns());
}

struct dam_ledger *dam_attach_ledger(void)
{
	if (!dam_gate.born)
		return NULL; /* a child: what stands here is its parent's */
	return state.phase == ON	? state.ledger
	       : state.phase == WAITING ? state.private_ledger
					: NULL;
}

const struct dam_board *dam_attach_board(void)
{
	return dam_gate.born && state.phase == ON ? state.board : NULL;
}

struct dam_ledger *dam_attach_ledger_of(uint64_t epoch)
{
	return epoch & DAM_EPOCH_ATTACHED ? state.ledger : state.private_ledger;
}

uint64_t dam_attach_former(uint64_t epoch)
{
	return epoch & DAM_EPOCH_ATTACHED ? state.private_epoch : 0;
}

struct dam_ledger *dam_attach_private(void)
{
	return state.private_ledger;
}

void dam_attach_init(void)
{
	dam_link_init();
	dam_link_announce();
}
