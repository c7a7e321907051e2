// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: The DAM authors

// Two threads read a file through io_uring rings of their own, by the system calls of Go's runtime, which go past every
// library. Usage: FILE BLOCK OPERATIONS. Prints what each thread read, in the manner of the other test programs.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	sysSetup, sysEnter  = 425, 426
	opRead              = 22
	enterGetEvents      = 1
	offRing, offEntries = 0, 0x10000000
	depth               = 8
	fileBytes           = 16 << 20
	lasts               = time.Second // so long at least: what lives shorter may be missed
	lingers             = 500 * time.Millisecond
)

// The kernel's struct io_uring_params.
type params struct {
	sqEntries, cqEntries, flags, cpu, idle, features, wq uint32
	_                                                   [3]uint32
	sq                                                  struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		_                                                   uint64
	}
	cq struct {
		head, tail, mask, entries, overflow, cqes, flags, _ uint32
		_                                                   uint64
	}
}

type entry struct {
	opcode, flags uint8
	_             uint16
	fd            int32
	off, addr     uint64
	len, _        uint32
	user          uint64
	_             [3]uint64
}

type result struct {
	Tid, Bytes, Ops int
}

func must(errno syscall.Errno, what string) {
	if errno != 0 {
		fmt.Fprintln(os.Stderr, what, errno)
		os.Exit(77)
	}
}

func mmap(fd uintptr, bytes, offset uintptr) unsafe.Pointer {
	at, _, errno := syscall.Syscall6(syscall.SYS_MMAP, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_SHARED, fd, offset)
	must(errno, "mmap")
	return *(*unsafe.Pointer)(unsafe.Pointer(&at))
}

func read(path string, block, ops int) result {
	runtime.LockOSThread()
	var p params
	ring, _, errno := syscall.Syscall(sysSetup, depth, uintptr(unsafe.Pointer(&p)), 0)
	must(errno, "io_uring_setup")
	at := mmap(ring, uintptr(p.sq.array+4*p.sqEntries), offRing)
	entries := (*[depth]entry)(mmap(ring, depth*unsafe.Sizeof(entry{}), offEntries))
	word := func(offset uint32) *uint32 { return (*uint32)(unsafe.Add(at, offset)) }
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_DIRECT, 0)
	if err != nil {
		must(err.(syscall.Errno), path)
	}
	buffer, err := syscall.Mmap(-1, 0, block, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		must(err.(syscall.Errno), "mmap")
	}
	begin, done := time.Now(), 0
	for done < ops || time.Since(begin) < lasts {
		n := depth
		tail := *word(p.sq.tail)
		for i := 0; i < n; i++ {
			at := (tail + uint32(i)) & (p.sqEntries - 1)
			entries[at] = entry{opcode: opRead, fd: int32(fd), off: uint64((done + i) * block % fileBytes),
				addr: uint64(uintptr(unsafe.Pointer(&buffer[0]))), len: uint32(block)}
			*word(p.sq.array + 4*at) = at
		}
		atomic.StoreUint32(word(p.sq.tail), tail+uint32(n))
		_, _, errno := syscall.Syscall6(sysEnter, ring, uintptr(n), uintptr(n), enterGetEvents, 0, 0)
		must(errno, "io_uring_enter")
		atomic.StoreUint32(word(p.cq.head), *word(p.cq.head)+uint32(n))
		done += n
	}
	return result{syscall.Gettid(), done * block, done}
}

func main() {
	block, _ := strconv.Atoi(os.Args[2])
	ops, _ := strconv.Atoi(os.Args[3])
	var threads [2]result
	var all sync.WaitGroup
	for i := range threads {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			threads[i] = read(os.Args[1], block*(i+1), ops/(i+1))
		}(i)
	}
	all.Wait()
	time.Sleep(lingers) // what threads did in the last moment before they end together is shared out by their rates
	fmt.Print("{\"threads\":[")
	for i, t := range threads {
		fmt.Printf("%s{\"tid\":%d,\"read_bytes\":%d,\"write_bytes\":0,\"read_ops\":%d,\"write_ops\":0}",
			[]string{"", ","}[i], t.Tid, t.Bytes, t.Ops)
	}
	fmt.Println("]}")
}
