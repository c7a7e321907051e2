/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * libunwind, told to look at this very thread as at a foreign one. So it reads memory and finds
 * unwind tables through the functions here: no fault on a broken stack, no dl_iterate_phdr() with
 * its lock, no thread-local memory. 0.5 microseconds a frame.
 */
#include "config.h"
#include "preload/unwind.h"

#include <dlfcn.h>

#include "preload/object.h"
#include "preload/peek.h"
#include "preload/slow.h"

#if defined(HAVE_LIBUNWIND_H) && defined(DLFO_STRUCT_HAS_EH_DBASE)

#include <fcntl.h>
#include <libunwind.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_OF(x) #x
#define TEXT(x)	   TEXT_OF(x)
#define LIBRARY	   "libunwind-" TEXT(UNW_TARGET) ".so.8"

#define OWN_FRAMES_MAX 8
#define FLUSH_EVERY    256 /* stacks: what is remembered of code that has been unloaded since goes */

/* Not in the header, but what every user of it for another process calls. */
typedef int (*search_fn)(unw_addr_space_t as, unw_word_t ip, unw_dyn_info_t *di,
			 unw_proc_info_t *pi, int need_unwind_info, void *arg);

static struct {
	__typeof__(&unw_create_addr_space) create;
	__typeof__(&unw_set_caching_policy) set_caching;
	__typeof__(&unw_flush_cache) flush;
	__typeof__(&unw_init_remote) init;
	__typeof__(&unw_step) step;
	__typeof__(&unw_get_reg) get_reg;
	search_fn search;
} fn;
static unw_addr_space_t space; /* NULL: do without */
static bool tried;

/* glibc 2.35 and 2.32, and later; elsewhere they stay undefined */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));
extern char __libc_single_threaded __attribute__((weak));

/* The registers that a caller may rely on, by libunwind's numbers, at the place where they were
 * taken. */
#if defined(__x86_64__)
struct regs {
	uint64_t r[17];
};
#define TAKE_REGS(regs)                                                                       \
	__asm__ volatile("movq %%rbx, 24(%0)\n\tmovq %%rbp, 48(%0)\n\tmovq %%rsp, 56(%0)\n\t" \
			 "movq %%r12, 96(%0)\n\tmovq %%r13, 104(%0)\n\t"                      \
			 "movq %%r14, 112(%0)\n\tmovq %%r15, 120(%0)\n\t"                     \
			 "leaq 0f(%%rip), %%rax\n\tmovq %%rax, 128(%0)\n0:"                   \
			 :                                                                    \
			 : "r"((regs)->r)                                                     \
			 : "rax", "memory")
#elif defined(__aarch64__)
struct regs {
	uint64_t r[33];
};
#define TAKE_REGS(regs)                                                             \
	__asm__ volatile("stp x18, x19, [%0, #144]\n\tstp x20, x21, [%0, #160]\n\t" \
			 "stp x22, x23, [%0, #176]\n\tstp x24, x25, [%0, #192]\n\t" \
			 "stp x26, x27, [%0, #208]\n\tstp x28, x29, [%0, #224]\n\t" \
			 "mov x9, sp\n\tadr x10, 0f\n\tstr x30, [%0, #240]\n\t"     \
			 "stp x9, x10, [%0, #248]\n0:"                              \
			 :                                                          \
			 : "r"((regs)->r)                                           \
			 : "x9", "x10", "memory")
#endif

static int access_mem(unw_addr_space_t as, unw_word_t at, unw_word_t *value, int write, void *arg)
{
	(void)as;
	(void)arg;
	if (write || !dam_peek((const void *)at, sizeof(*value)))
		return -UNW_EINVAL;
	memcpy(value, (const void *)at, sizeof(*value));
	return 0;
}

static int access_reg(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *value, int write,
		      void *arg)
{
	const struct regs *regs = arg;

	(void)as;
	if (write || reg < 0 || (size_t)reg >= sizeof(regs->r) / sizeof(regs->r[0]))
		return -UNW_EBADREG;
	*value = regs->r[reg];
	return 0;
}

static int access_fpreg(unw_addr_space_t as, unw_regnum_t reg, unw_fpreg_t *value, int write,
			void *arg)
{
	(void)as, (void)reg, (void)value, (void)write, (void)arg;
	return -UNW_EBADREG;
}

static int dyn_info(unw_addr_space_t as, unw_word_t *value, void *arg)
{
	(void)as, (void)value, (void)arg;
	return -UNW_ENOINFO;
}

static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *pi, void *arg)
{
	(void)as, (void)pi, (void)arg;
}

static int resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
	(void)as, (void)cursor, (void)arg;
	return -UNW_EINVAL;
}

/* The head of a sorted table of unwind entries, as every linker writes it (Linux Standard Base,
 * .eh_frame_hdr). */
struct eh_frame_hdr {
	uint8_t version, frame_enc, count_enc, table_enc;
	int32_t frame;
	uint32_t nr;
	int32_t table[][2];
};
#define HDR_START                                                                       \
	0x3b031b01u /* version 1; relative, 4 bytes; 4 bytes; relative to this, 4 bytes \
		     */

static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *pi, int need,
			  void *arg)
{
	const struct eh_frame_hdr *hdr;
	struct dl_find_object o;
	unw_dyn_info_t di;
	uint32_t start;

	if (_dl_find_object((void *)ip, &o))
		return -UNW_ENOINFO;
	hdr = o.dlfo_eh_frame;
	if (!hdr || !dam_peek(hdr, sizeof(*hdr)))
		return -UNW_ENOINFO;
	memcpy(&start, hdr, sizeof(start));
	if (start != HDR_START)
		return -UNW_ENOINFO;
	di = (unw_dyn_info_t){
		.start_ip = (uintptr_t)o.dlfo_map_start,
		.end_ip = (uintptr_t)o.dlfo_map_end,
		.format = UNW_INFO_FORMAT_REMOTE_TABLE,
	};
	di.u.rti.segbase = (uintptr_t)hdr;
	di.u.rti.table_data = (uintptr_t)hdr->table;
	di.u.rti.table_len = hdr->nr * sizeof(hdr->table[0]) / sizeof(unw_word_t);
	return fn.search(as, ip, &di, pi, need, arg);
}

static bool find_functions(void *lib)
{
	fn.create = dlsym(lib, TEXT(UNW_OBJ(create_addr_space)));
	fn.set_caching = dlsym(lib, TEXT(UNW_OBJ(set_caching_policy)));
	fn.flush = dlsym(lib, TEXT(UNW_OBJ(flush_cache)));
	fn.init = dlsym(lib, TEXT(UNW_OBJ(init_remote)));
	fn.step = dlsym(lib, TEXT(UNW_OBJ(step)));
	fn.get_reg = dlsym(lib, TEXT(UNW_OBJ(get_reg)));
	fn.search = dlsym(lib, TEXT(UNW_OBJ(dwarf_search_unwind_table)));
	return fn.create && fn.set_caching && fn.flush && fn.init && fn.step && fn.get_reg &&
	       fn.search;
}

static bool is_pipe(int fd, ino_t *inode)
{
	struct stat st;

	if (dam_sys3(SYS_fstat, fd, (long)&st, 0) || !S_ISFIFO(st.st_mode))
		return false;
	*inode = st.st_ino;
	return true;
}

/*
 * On first use libunwind opens a pipe, to try addresses on, which it never does for a foreign
 * process; and keeps it. The program shall not find it: it has one thread, so it is the pipe that
 * gets the lowest two numbers.
 */
static void close_its_pipe(const int fd[2])
{
	ino_t a, b;

	if (is_pipe(fd[0], &a) && is_pipe(fd[1], &b) && a == b) {
		dam_sys3(SYS_close, fd[0], 0, 0);
		dam_sys3(SYS_close, fd[1], 0, 0);
	}
}

/* The lowest two free descriptors. */
static bool next_fds(int fd[2])
{
	if (dam_sys3(SYS_pipe2, (long)fd, O_CLOEXEC, 0))
		return false;
	dam_sys3(SYS_close, fd[0], 0, 0);
	dam_sys3(SYS_close, fd[1], 0, 0);
	return true;
}

static void load(void)
{
	static unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = dyn_info,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = resume,
	};
	/* never with RTLD_DEEPBIND, and out of sight of a program that brings its own */
	void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	unw_addr_space_t as;
	unw_cursor_t cursor;
	struct regs regs = {{0}};
	bool have_fds;
	int fd[2];

	if (!lib || !find_functions(lib)) {
		dlerror(); /* the program asks for its own errors */
		return;
	}
	as = fn.create(&accessors, 0);
	if (!as)
		return;
	have_fds = next_fds(fd);
	fn.set_caching(as, UNW_CACHE_GLOBAL);
	TAKE_REGS(&regs);
	fn.init(&cursor, as, &regs);
	if (have_fds)
		close_its_pipe(fd);
	__atomic_store_n(&space, as, __ATOMIC_RELEASE);
}

/* Is @code part of the object that has malloc()? */
static bool is_allocator(const void *code)
{
	struct dl_find_object a, b;

	return !_dl_find_object((void *)code, &a) && !_dl_find_object((void *)malloc, &b) &&
	       a.dlfo_link_map == b.dlfo_link_map;
}

void dam_unwind_load(const void *caller)
{
	int saved = errno;
	uint64_t mask;

	if (tried || !&__libc_single_threaded || !__libc_single_threaded || !&_dl_find_object ||
	    !dam_slow_enter(&mask))
		return;
	if (!mask || !is_allocator(caller)) {
		tried = true;
		load();
	}
	dam_slow_leave(&mask);
	errno = saved;
}

bool dam_unwind_tried(void)
{
	return tried;
}

bool dam_unwind_there(void)
{
	return __atomic_load_n(&space, __ATOMIC_ACQUIRE) != NULL;
}

unsigned int dam_unwind_stack(uintptr_t *out, unsigned int max)
{
	static unsigned int used;
	unsigned int n = 0, own = 0;
	struct regs regs;
	unw_cursor_t cursor;
	unw_word_t ip;

	dam_peek_forget();
	if (++used % FLUSH_EVERY == 0)
		fn.flush(space, 0, 0);
	TAKE_REGS(&regs);
	if (fn.init(&cursor, space, &regs))
		return 0;
	while (n < max && own < OWN_FRAMES_MAX && fn.step(&cursor) > 0) {
		if (fn.get_reg(&cursor, UNW_REG_IP, &ip) || !ip)
			break;
		if (dam_object_has((const void *)ip))
			own++;
		else
			out[n++] = ip;
	}
	return n;
}

#else

void dam_unwind_load(const void *caller)
{
	(void)caller;
}

bool dam_unwind_tried(void)
{
	return true;
}

bool dam_unwind_there(void)
{
	return false;
}

unsigned int dam_unwind_stack(uintptr_t *out, unsigned int max)
{
	(void)out, (void)max;
	return 0;
}

#endif
