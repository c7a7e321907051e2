#!/bin/bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Ordinary programs must not notice DAM: the same output and exit status without the library, with it and no
# coordinator, and under dam-run with one. Arguments choose rows by name.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

# name | program it needs | commands, run by sh in an empty folder. Output must not depend on time, pid or path.
rows() {
	cat <<'ROWS'
sh|sh|echo $((6 * 7)); ls /nonexistent; (exit 3); echo $?; exit 4
dash|dash|x=$(dash -c 'for i in 1 2 3; do echo $i | cat & done; wait' | sort); echo "$x"; dash -c 'kill -9 $$'; echo $?
bash|bash|bash -c 'coproc cat; echo hi >&"${COPROC[1]}"; read -r x <&"${COPROC[0]}"; echo $x; diff <(seq 5) <(seq 6); exit 5'
nproc|nproc|nproc; taskset -p $$ | sed 's/.*mask//'; grep Cpus_allowed_list /proc/self/status
descriptors|python3|ls /proc/self/fd; python3 -c 'import os; os.closerange(3, 4096); print(sorted(os.listdir("/proc/self/fd")))'
gcc|gcc|printf '#include <pthread.h>\n#include <stdio.h>\nstatic void *f(void *a) { return a; }\nint main(void) { pthread_t t; void *r; pthread_create(&t, 0, f, (void *)42); pthread_join(t, &r); printf("%%ld\\n", (long)r); return 6; }\n' >x.c; gcc -O2 -Wall -o x x.c && ./x; echo $?; gcc -c nosuch.c; gcc -O2 -S -o - x.c | sha256sum
clang|clang|printf 'int main(void) { return undeclared; }\n' >x.c; clang -c x.c; echo $?; printf 'int main(void) { return 0; }\n' >y.c; clang -fsanitize=address -o y y.c && echo built
make|make|printf 'all: a b c\n%%:\n\t@echo $@; sleep 0.0$$(printf $@ | od -An -td1 | tr -d " ")\nbad:\n\tfalse\n' >Makefile; make -j4 --no-print-directory | sort; make bad; echo $?
python3|python3|python3 -c 'import concurrent.futures as f, subprocess, multiprocessing as m; print(sum(f.ThreadPoolExecutor(4).map(lambda i: i * i, range(1000)))); print(subprocess.run(["sh", "-c", "exit 9"]).returncode); print(m.get_context("fork").Pool(2).map(abs, range(-5, 0))); print(m.get_context("spawn").Pool(2).map(abs, range(-5, 0))); import sys; sys.exit(8)'
python3 affinity|python3|python3 -c 'import os; a = os.sched_getaffinity(0); os.sched_setaffinity(0, {min(a)}); print(os.sched_getaffinity(0)); os.sched_setaffinity(0, a); print(os.sched_getaffinity(0) == a)'
perl|perl|perl -e '$p = fork; exit 3 unless $p; waitpid $p, 0; print $? >> 8, "\n"; print join(",", sort { $a <=> $b } map { $_ * 7 % 11 } 1..10), "\n"; die "done\n"'
sqlite3|sqlite3|sqlite3 x.db 'pragma journal_mode=wal; create table t(i integer primary key, v text); with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000) insert into t select x, hex(x * x) from c; select count(*), sum(i), max(v) from t; pragma integrity_check; select nosuch from t'
git|git|export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_AUTHOR_DATE='@0 +0000' GIT_COMMITTER_DATE='@0 +0000'; git init -q -b main r && cd r && seq 1000 >f && git add f && git commit -q -m one && seq 2 1000 >f && git diff --stat && git commit -qam two && git gc -q && git log --format='%H %s' && git fsck && git show nosuch
tar|tar|mkdir d; seq 100 >d/a; seq 200 >d/b; tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf x.tar d; sha256sum x.tar; tar -xOf x.tar d/b | tail -1; tar -xf nosuch.tar
xz|xz|seq 300000 >f; xz -k -T2 --block-size=256KiB f; sha256sum f.xz; xz -dc f.xz | cmp - f && echo same; xz -dc f
gzip|gzip|seq 100000 | gzip -n | tee x.gz | sha256sum; gzip -t x.gz; echo bad | gzip -t
bzip2|bzip2|seq 100000 | bzip2 | tee x | sha256sum; bzip2 -t <x; echo bad | bzip2 -d
sort|sort|seq 200000 | sort -r --parallel=4 -S 1M | sort -n --parallel=4 -S 1M | sha256sum; sort nosuch
awk|awk|seq 50000 | awk '{ s += $1 * $1 } END { print s; system("exit 3"); exit 2 }'
sed|sed|seq 20 >f; sed -i 's/^1\(.\)/<\1>/w out' f; cat f out; sed 's/unterminated'
find|find|mkdir -p a/b/c; touch a/1 a/b/2 a/b/c/3; find . -type f -exec basename {} \; | sort; find . -name '*[0-9]' -print0 | xargs -0 -P 3 -n 1 basename | sort; find nosuch
coreutils|dd|dd if=/dev/zero of=f bs=64k count=32 oflag=direct conv=fsync status=none; dd if=f bs=64k iflag=direct status=none | sha256sum; cp f g; cmp f g; split -n 4 f; cat x?? | cmp - f; shuf -i 1-100 --random-source=f | sha256sum; timeout 0.1 sleep 9; echo $?
openssl|openssl|openssl enc -aes-256-cbc -pbkdf2 -S 0102030405060708 -k x -in /bin/sh | sha256sum; openssl dgst -sha512 </bin/sh; openssl verify nosuch >/dev/null 2>&1; echo $?
curl|curl|seq 1000 >f; curl -s "file://$PWD/f" | sha256sum; curl -s "file://$PWD/nosuch"; echo $?
node|node|node -e 'const c = require("crypto"), w = require("worker_threads"), f = require("fs"); f.writeFileSync("f", "x".repeat(1e6)); f.readFile("f", (e, d) => { console.log(c.createHash("md5").update(d).digest("hex")); new w.Worker("require(\"worker_threads\").parentPort.postMessage(6 * 7)", { eval: true }).on("message", (m) => { console.log(m); process.exitCode = 4; }); });'
java|java|printf 'public class X { public static void main(String[] a) throws Exception { System.out.println(java.util.stream.IntStream.range(0, 100000).parallel().mapToLong(i -> (long) i * i).sum()); Thread t = new Thread(() -> System.out.println("thread")); t.start(); t.join(); System.exit(3); } }' >X.java; java X.java 2>&1 | grep -v '^Picked up\|^error: .*compiler\|not contain a javac' ; java -version >/dev/null 2>&1; echo $?
qemu-img|qemu-img|seq 300000 >f; qemu-img convert -q -f raw -O qcow2 -t none f x.qcow2 && qemu-img compare -f raw -F qcow2 f x.qcow2; qemu-img bench -q -i io_uring -n -c 200 -d 8 -s 4k -t none -f raw x.qcow2 >/dev/null 2>bench.err; echo $?; cat bench.err
fio psync|fio|fio --name=j --ioengine=psync --direct=1 --rw=randwrite --size=4m --bs=16k --verify=crc32c --do_verify=1 --randseed=1 --output=o >e 2>&1; echo $?; cat e; stat -c %s j.0.0
fio libaio|fio|fio --name=j --ioengine=libaio --iodepth=8 --direct=1 --rw=randwrite --size=4m --bs=16k --verify=crc32c --do_verify=1 --randseed=1 --output=o >e 2>&1; echo $?; cat e; stat -c %s j.0.0
fio io_uring|fio|fio --name=j --ioengine=io_uring --iodepth=8 --thread --numjobs=2 --direct=1 --rw=randwrite --size=4m --bs=16k --verify=crc32c --do_verify=1 --randseed=1 --output=o >e 2>&1; echo $?; cat e; stat -c %s j.0.0 j.1.0
stress-ng pthread|stress-ng|stress-ng -q --pthread 2 --pthread-ops 2000; echo $?; stress-ng -q --fork 2 --fork-ops 300; echo $?; stress-ng -q --vfork 1 --vfork-ops 200; echo $?; stress-ng -q --clone 1 --clone-ops 200; echo $?
stress-ng aio|stress-ng|stress-ng -q --aio 1 --aio-ops 1000 --temp-path .; echo $?; stress-ng -q --aiol 1 --aiol-ops 500 --temp-path .; echo $?; stress-ng -q --io-uring 1 --io-uring-ops 2000 --temp-path .; echo $?
stress-ng affinity|stress-ng|stress-ng -q --affinity 2 --affinity-ops 2000; echo $?; stress-ng -q --seccomp 1 --seccomp-ops 100; echo $?; stress-ng -q --sigsegv 1 --sigsegv-ops 500; echo $?; stress-ng -q --exec 1 --exec-ops 100; echo $?
allocators|libjemalloc.so.2|p=$LD_PRELOAD; for a in libjemalloc.so.2 libtcmalloc_minimal.so.4; do for l in "$a $p" "$p $a"; do export LD_PRELOAD="$l"; python3 -c 'import concurrent.futures as f, subprocess; print(sum(f.ThreadPoolExecutor(8).map(lambda i: len(bytes(i)), range(3000)))); print(subprocess.run(["sh", "-c", "exit 9"]).returncode)'; fio --name=j --ioengine=libaio --iodepth=8 --direct=1 --rw=randwrite --size=4m --bs=16k --thread --numjobs=2 --verify=crc32c --do_verify=1 --randseed=1 --output=o >e 2>&1; echo $?; cat e; sqlite3 :memory: 'with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000) select sum(x) from c'; sh -c 'kill -9 $$'; echo $?; done; done
plugins|gcc|gcc -w -DPLUGIN -shared -fPIC -o plugin.so $programs/plugin.c; gcc -w -o host $programs/plugin.c; for h in deepbind local global; do ./host $h data; echo $?; done; rm plugin.so; ./host local data; echo $?
asan|gcc|gcc -g -fsanitize=address -o a $programs/sanitized.c && ./a; echo $?; ./a overflow 2>&1 | grep -oE 'heap-buffer-overflow|WRITE of size 1|sanitized.c:[0-9]+'; UBSAN_OPTIONS=halt_on_error=1 sh -c 'gcc -g -fsanitize=undefined,address -o u $programs/sanitized.c && ./u'; echo $?
tsan|gcc|gcc -g -fsanitize=thread -o t $programs/sanitized.c && ./t; echo $?; ./t race 2>&1 | grep -oE 'WARNING: ThreadSanitizer: [a-z ]*' | head -1
clang asan|clang|clang -g -fsanitize=address -o a $programs/sanitized.c && ./a; echo $?; ./a overflow 2>&1 | grep -oE 'heap-buffer-overflow|WRITE of size 1|sanitized.c:[0-9]+'
openmp|gcc|gcc -w -O2 -fopenmp -o m $programs/openmp.c && ./m; OMP_PROC_BIND=spread OMP_PLACES=cores ./m; OMP_NUM_THREADS=7 OMP_PROC_BIND=close OMP_PLACES=threads ./m; OMP_DYNAMIC=true ./m
postgresql|initdb|b=$(dirname $(readlink -f $(command -v initdb))); as=; if [ $(id -u) = 0 ]; then as='setpriv --reuid=nobody --regid=nogroup --clear-groups'; chown nobody .; fi; $as $b/initdb -D d -A trust -U me --no-sync >init.out 2>&1; echo $?; grep -v '^syncing' init.out; $as $b/pg_ctl -D d -l log -w -o "-k $PWD -h '' -F" start >/dev/null; echo $?; export PGHOST="$PWD" PGUSER=me; $as $b/pgbench -i -q -s 1 postgres 2>&1 | grep -v done; $as $b/pgbench -c 4 -j 2 -t 250 postgres 2>&1 | grep -E 'transactions|clients|threads'; $as $b/psql -At postgres -c 'select count(*), (select sum(abalance) from pgbench_accounts) = (select sum(tbalance) from pgbench_tellers) from pgbench_history' -c 'select 1/0' -c 'select 2'; echo $?; $as $b/pg_ctl -D d -m fast stop >/dev/null; echo $?; echo $(grep -cE 'PANIC|FATAL|crash' log)
qemu|qemu-system-x86_64|printf '\061\300\216\330\216\300\270\020\002\271\002\000\266\000\273\000\200\315\023\276\000\200\254\204\300\164\006\272\370\003\356\353\365\272\364\000\260\020\356\364\353\375' >b; truncate -s 510 b; printf '\125\252booted from disk\n\000' >>b; truncate -s 1M b; for a in threads native io_uring; do timeout 60 qemu-system-x86_64 -machine pc -accel tcg -m 16 -nodefaults -display none -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 -drive file=b,format=raw,if=virtio,cache=none,aio=$a; echo $?; done; qemu-system-x86_64 -machine nosuch 2>/dev/null; echo $?
stress-ng classes|stress-ng|for s in 'iomix 1 --iomix-ops 500' 'close 2 --close-ops 20000' 'sigfd 1 --sigfd-ops 20000' 'dup 1 --dup-ops 20' 'dnotify 1 --dnotify-ops 200' 'daemon 1 --daemon-ops 200' 'session 1 --session-ops 50' 'sigfpe 1 --sigfpe-ops 500' 'zombie 1 --zombie-ops 200' 'eventfd 1 --eventfd-ops 2000' 'splice 1 --splice-ops 5000' 'copy-file 1 --copy-file-ops 20' 'readahead 1 --readahead-ops 500' 'prctl 1 --prctl-ops 20' 'chroot 1 --chroot-ops 100' 'dynlib 1 --dynlib-ops 200'; do stress-ng -q --temp-path . --$s; echo "$s: $?"; done
ROWS
}

# have NAME: a program, or a shared library
have() {
	case $1 in
	*.so*) ldconfig -p | grep -qF "$1 " ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# in_mode MODE COMMANDS: stdout, stderr and status into out, err, status
in_mode() {
	local dir=$tmp/work
	rm -rf "$dir"
	mkdir "$dir"
	(
		cd "$dir" || exit 125
		ulimit -c 0
		case $1 in
		plain) exec sh -c "$2" ;;
		library) DAM_RUNTIME_DIR=$tmp/nobody LD_PRELOAD=$library exec sh -c "$2" ;;
		dam-run) exec dam-run -q -- sh -c "$2" ;;
		esac
	) >"$tmp/out" 2>"$tmp/err" </dev/null
	echo $? >"$tmp/status"
}

same_as_plain() {
	local part
	for part in out err status; do
		cmp -s "$tmp/$part" "$tmp/plain.$part" && continue
		echo "$part differs:"
		diff "$tmp/plain.$part" "$tmp/$part" | head -10
		return 1
	done
}

[ -f "$library" ] || { fail "no $library"; exit 1; }
# Some rows become another user, who may not see the folder of the build.
mkdir "$tmp/bin"
cp "$BUILDDIR"/dam-run "$BUILDDIR"/dam-coord "$BUILDDIR"/dam-ctl "$library" "$tmp/bin"
chmod 755 "$tmp" "$tmp/bin"
library=$tmp/bin/libdam_preload.so
PATH=$tmp/bin:$PATH:$(printf '%s:' /usr/lib/postgresql/*/bin)
programs=$(cd "$(dirname "$0")/programs" && pwd)
export PATH programs
start_coordinator
while IFS='|' read -r name needs commands; do
	if [ $# -gt 0 ] && ! printf '%s\n' "$@" | grep -qxF "$name"; then
		continue
	fi
	if ! have "$needs"; then
		skip "$name: no $needs here"
		continue
	fi
	in_mode plain "$commands"
	for part in out err status; do
		mv "$tmp/$part" "$tmp/plain.$part"
	done
	for mode in library dam-run; do
		in_mode "$mode" "$commands"
		if why=$(same_as_plain); then
			pass "$name, $mode"
		else
			fail "$name, $mode: $why"
		fi
	done
done < <(rows)
dam-ctl status >/dev/null || fail "the coordinator did not survive"
exit $((failed > 0))
