/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* One look into an io_uring ring of another process. Everything in it may be nonsense, and change
 * while we read. */
#include "config.h"
#include "tools/coord/peek.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE \
	4096u /* offsets within a ring do not depend on it; mappings are rounded by the kernel */
#define MAX_ENTRIES    32768u
#define MAX_CQ_ENTRIES 65536u
#define SQE_BYTES      64u

/* How this kernel lays rings out. */
static struct {
	struct io_sqring_offsets sq;
	struct io_cqring_offsets cq;
	bool array;    /* the array lies where array_at() says */
	bool lenient;  /* a mapping may be longer than what it maps */
	bool distinct; /* rings have inodes of their own */
} layout;

/* One look, while what it maps is mapped. */
struct view {
	const char *ring, *sqes;
	size_t ring_bytes, sqe_bytes;
	struct coord_shape *shape;
	struct coord_peek *out;
	uint32_t since;
	uint32_t array; /* a place where the array may lie */
};

/* A ring may be resized between mapping and reading: what is no longer there raises SIGBUS. */
static sigjmp_buf fault;
static volatile sig_atomic_t reading;

static void on_bus(int sig)
{
	if (reading)
		siglongjmp(fault, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Return: what @fn returned; false where the memory was not there. */
static bool guarded(bool (*fn)(struct view *v), struct view *v)
{
	volatile bool ok = false;

	reading = 1;
	if (!sigsetjmp(fault, 0))
		ok = fn(v);
	reading = 0;
	return ok;
}

/* As the kernel's rings_size(): after the completion entries, at the next cache line. */
static uint32_t array_at(uint32_t cq_entries, uint32_t cqe_bytes)
{
	return (layout.cq.cqes + cq_entries * cqe_bytes + 63) & ~63u;
}

/* Where a ring is had from: its descriptor, or its owner's memory. */
struct source {
	int fd; /* -1: none */
	pid_t pid;
	const struct coord_mapped *mapped;
};

/* Copies are rounded up as mappings are: what is given back has the same length either way. */
static const void *copy(const struct source *s, uint64_t offset, size_t bytes)
{
	bool ring = offset == IORING_OFF_SQ_RING;
	struct iovec there = {(void *)(uintptr_t)(ring ? s->mapped->ring_at : s->mapped->sqes_at), bytes}, here;
	void *at;

	errno = EINVAL;
	if (bytes > (ring ? s->mapped->ring_bytes : s->mapped->sqes_bytes))
		return NULL;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	here = (struct iovec){at, bytes};
	if (process_vm_readv(s->pid, &here, 1, &there, 1, 0) == (ssize_t)bytes)
		return at;
	munmap(at, bytes);
	return NULL;
}

static const void *map(const struct source *s, uint64_t offset, size_t bytes)
{
	void *at;

	if (s->fd < 0)
		return copy(s, offset, bytes);
	at = mmap(NULL, bytes, PROT_READ, MAP_SHARED, s->fd, (off_t)offset);
	return at == MAP_FAILED ? NULL : at;
}

static bool can_map(const struct source *s, uint64_t offset, size_t bytes)
{
	const void *at = map(s, offset, bytes);

	if (at)
		munmap((void *)at, bytes);
	return at;
}

bool coord_peek_distinct(void)
{
	return layout.distinct;
}

int coord_peek_open(void)
{
	struct sigaction bus = {.sa_handler = on_bus, .sa_flags = SA_NODEFER};
	struct io_uring_params p = {0}, other = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 4, &p), second;
	struct stat a, b;

	if (ring < 0)
		return -errno;
	second = (int)syscall(SYS_io_uring_setup, 1, &other);
	layout.distinct =
		second >= 0 && !fstat(ring, &a) && !fstat(second, &b) && a.st_ino != b.st_ino;
	close(second);
	layout.sq = p.sq_off;
	layout.cq = p.cq_off;
	layout.array = p.sq_off.array == array_at(p.cq_entries, sizeof(struct io_uring_cqe));
	layout.lenient = can_map(&(struct source){.fd = ring}, IORING_OFF_SQES, (size_t)16 * PAGE);
	close(ring);
	return sigaction(SIGBUS, &bus, NULL) ? -errno : 0;
}

static uint32_t load(const char *base, uint32_t offset)
{
	return __atomic_load_n((const uint32_t *)(base + offset), __ATOMIC_ACQUIRE);
}

static bool power_of_two(uint32_t n, uint32_t max)
{
	return n && n <= max && !(n & (n - 1));
}

/*
 * Wide entries show by what can be mapped: where mappings may be longer than the entries, they may
 * not be shorter, and the other way round. Entries that fit into one page either way are told by
 * their content (see is_wide()).
 */
static void shape_entries(const struct source *from, struct coord_shape *s)
{
	size_t narrow = (size_t)s->entries * SQE_BYTES;
	bool strict = from->fd < 0 || !layout.lenient; /* an owner maps as much as there is */

	s->sqes = can_map(from, IORING_OFF_SQES, narrow);
	if (!s->sqes || (strict && 2 * narrow > PAGE)) {
		s->wide = can_map(from, IORING_OFF_SQES, 2 * narrow);
		s->sqes |= s->wide;
	}
}

/* Only commands to devices need wide entries, and those of NVMe are refused in narrow ones. */
static bool is_wide(const struct io_uring_sqe *first)
{
	return first->opcode == IORING_OP_URING_CMD && (first->cmd_op >> 8 & 0xff) == 'N';
}

static bool is_array(struct view *v)
{
	bool used = false;

	for (uint32_t i = 0; i < v->shape->entries; i++) {
		uint32_t index = load(v->ring, v->array + i * 4);

		if (index >= v->shape->entries)
			return false;
		used |= index != 0;
	}
	return used;
}

static size_t whole_pages(size_t bytes)
{
	return (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
}

/*
 * Nothing says whether a ring has wide completions, or no array at all; but an array holds indices,
 * and what lies at the other place is zero, or completions. Asked again until it has been used.
 */
static void find_array(struct view *v)
{
	static const uint32_t cqe_bytes[] = {32, 16};
	struct coord_shape *s = v->shape;

	if (!layout.array || s->array || s->entries == 1)
		return;
	for (size_t i = 0; !s->array && i < sizeof(cqe_bytes) / sizeof(cqe_bytes[0]); i++) {
		v->array = array_at(s->cq_entries, cqe_bytes[i]);
		if (v->array + s->entries * 4 <= v->ring_bytes && guarded(is_array, v))
			s->array = v->array;
	}
}

/* The ring with its array, wherever that lies; where mappings are strict a guess may ask for too
 * much. */
static bool map_ring(const struct source *from, struct view *v)
{
	const struct coord_shape *s = v->shape;
	const uint32_t at[] = {s->array ? s->array : array_at(s->cq_entries, 32),
			       s->array ? s->array : array_at(s->cq_entries, 16), 0};

	for (size_t i = 0; !v->ring && i < sizeof(at) / sizeof(at[0]); i++) {
		v->ring_bytes = at[i] ? whole_pages(at[i] + s->entries * 4) : PAGE;
		v->ring = map(from, IORING_OFF_SQ_RING, v->ring_bytes);
	}
	return v->ring;
}

static bool read_header(struct view *v)
{
	struct coord_peek *out = v->out;

	out->cq_tail = load(v->ring, layout.cq.tail);
	out->cq_head = load(v->ring, layout.cq.head);
	out->head = load(v->ring, layout.sq.head);
	out->tail = load(v->ring, layout.sq.tail);
	out->overflow = load(v->ring, layout.cq.overflow);
	/* else it was resized */
	return load(v->ring, layout.sq.ring_entries) == v->shape->entries &&
	       load(v->ring, layout.cq.ring_entries) == v->shape->cq_entries;
}

/*
 * Entries before the head are there until the program fills them anew: those, newest first. Where the program has
 * filled them all already, those that wait tell the same; one that takes its time before it submits is mostly seen so.
 */
static bool copy_entries(struct view *v)
{
	const struct coord_shape *s = v->shape;
	struct coord_peek *out = v->out;
	uint32_t mask = s->entries - 1, waiting = out->tail - out->head, n = out->head - v->since;
	uint32_t end = waiting < s->entries ? out->head : out->tail, at;
	size_t size = s->wide ? sizeof(struct coord_peek_sqe) : SQE_BYTES;

	if (waiting > s->entries)
		return true;
	if (n > s->entries - waiting % s->entries)
		n = s->entries - waiting % s->entries;
	if (n > COORD_PEEK_SQES)
		n = COORD_PEEK_SQES;
	for (uint32_t i = 0; i < n; i++) {
		at = (end - 1 - i) & mask;
		if (s->array)
			at = load(v->ring, s->array + at * 4) & mask;
		memcpy(&out->sqe[i], v->sqes + at * size, size);
	}
	out->nr = n;
	return true;
}

static bool see_wide(struct view *v)
{
	return is_wide((const struct io_uring_sqe *)v->sqes);
}

static int look_mapped(struct view *v)
{
	struct coord_shape *s = v->shape;

	if (!guarded(read_header, v))
		return -EFAULT;
	if (!v->sqes)
		return 0;
	find_array(v);
	if (!s->wide && 2 * v->sqe_bytes <= PAGE && guarded(see_wide, v)) {
		s->wide = true; /* from the next look on */
		return 0;
	}
	return guarded(copy_entries, v) ? 0 : -EFAULT;
}

static int map_error(void)
{
	return errno == EPERM || errno == EACCES ? -EPERM : errno == ESRCH ? -ESRCH : -EOPNOTSUPP;
}

/* With the ring in our hands. */
static int look(const struct source *from, struct coord_shape *s, uint32_t since, struct coord_peek *out)
{
	struct view v = {.shape = s, .out = out, .since = since};
	int err;

	out->nr = 0;
	if (!map_ring(from, &v))
		return map_error();
	v.sqe_bytes = (size_t)s->entries * (s->wide ? sizeof(struct coord_peek_sqe) : SQE_BYTES);
	if (s->sqes)
		v.sqes = map(from, IORING_OFF_SQES, v.sqe_bytes);
	err = look_mapped(&v);
	munmap((void *)v.ring, v.ring_bytes);
	if (v.sqes)
		munmap((void *)v.sqes, v.sqe_bytes);
	return err;
}

static int first_look(const struct source *from, struct coord_shape *s)
{
	const char *ring = map(from, IORING_OFF_SQ_RING, PAGE);
	uint32_t entries, cq_entries;

	if (!ring)
		return map_error();
	entries = load(ring, layout.sq.ring_entries);
	cq_entries = load(ring, layout.cq.ring_entries);
	munmap((void *)ring, PAGE);
	if (!power_of_two(entries, MAX_ENTRIES) || !power_of_two(cq_entries, MAX_CQ_ENTRIES))
		return -EFAULT;
	s->entries = entries;
	s->cq_entries = cq_entries;
	s->array = 0;
	s->wide = false;
	shape_entries(from, s);
	return 0;
}

static int peek(const struct source *from, uint64_t ino, struct coord_shape *shape, uint32_t since,
		struct coord_peek *out)
{
	int err = 0;

	if (!shape->ino) {
		err = first_look(from, shape);
		shape->ino = ino;
	}
	if (!err)
		err = look(from, shape, since, out);
	if (err == -EFAULT && !first_look(from, shape))
		err = look(from, shape, since, out);
	return err;
}

int coord_peek(int pidfd, int fd, struct coord_shape *shape, uint32_t since, struct coord_peek *out)
{
	struct source from = {.fd = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0)};
	struct stat st;
	int err;

	if (from.fd < 0)
		return -errno;
	if (fstat(from.fd, &st) || (shape->ino && shape->ino != st.st_ino))
		err = -EBADF;
	else
		err = peek(&from, st.st_ino, shape, since, out);
	close(from.fd);
	return err;
}

int coord_peek_mapped(pid_t pid, const struct coord_mapped *m, struct coord_shape *shape, uint32_t since,
		      struct coord_peek *out)
{
	const struct source from = {.fd = -1, .pid = pid, .mapped = m};
	bool first = !shape->ino;
	int err = peek(&from, m->ino, shape, since, out);

	/* what could be read once, and cannot now, is gone */
	return err == -EOPNOTSUPP && !first ? -EBADF : err;
}
