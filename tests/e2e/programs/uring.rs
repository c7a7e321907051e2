// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: The DAM authors

// A thread reads a file through an io_uring ring, by system call instructions of its own. Usage: FILE BLOCK OPERATIONS.
use std::arch::asm;
use std::ffi::CString;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const DEPTH: usize = 8;
const FILE_BYTES: usize = 16 << 20;

fn call(nr: usize, a: [usize; 6]) -> usize {
    let ret: isize;
    unsafe {
        asm!("syscall", inlateout("rax") nr as isize => ret, in("rdi") a[0], in("rsi") a[1], in("rdx") a[2],
             in("r10") a[3], in("r8") a[4], in("r9") a[5], lateout("rcx") _, lateout("r11") _);
    }
    if ret < 0 {
        eprintln!("system call {}: error {}", nr, -ret);
        std::process::exit(77);
    }
    ret as usize
}

fn map(bytes: usize, flags: usize, fd: usize, offset: usize) -> usize {
    call(9, [0, bytes, 3, flags, fd, offset])
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (block, ops) = (args[2].parse::<usize>().unwrap(), args[3].parse::<usize>().unwrap());
    let path = CString::new(args[1].as_str()).unwrap();
    let mut p = [0u32; 30]; // struct io_uring_params
    let ring = call(425, [DEPTH, p.as_mut_ptr() as usize, 0, 0, 0, 0]);
    let (entries, sq, cq) = (p[0] as usize, &p[10..], &p[20..]);
    let at = map(sq[6] as usize + 4 * entries, 1, ring, 0);
    let sqes = map(64 * entries, 1, ring, 0x10000000);
    let word = |offset: u32| unsafe { &*((at + offset as usize) as *const AtomicU32) };
    let fd = call(257, [usize::MAX - 99, path.as_ptr() as usize, 0o40000, 0, 0, 0]);
    let buffer = map(block, 0x22, usize::MAX, 0);
    let (begin, mut done) = (Instant::now(), 0);
    while done < ops || begin.elapsed() < Duration::from_secs(1) {
        let tail = word(sq[1]).load(Ordering::Relaxed);
        for i in 0..DEPTH {
            let slot = (tail as usize + i) & (entries - 1);
            let e = unsafe { std::slice::from_raw_parts_mut((sqes + 64 * slot) as *mut u64, 8) };
            e.fill(0);
            e[0] = 22 | (fd as u64) << 32;
            e[1] = ((done + i) * block % FILE_BYTES) as u64;
            e[2] = buffer as u64;
            e[3] = block as u64;
            word(sq[6] + 4 * (slot as u32)).store(slot as u32, Ordering::Relaxed);
        }
        word(sq[1]).store(tail + DEPTH as u32, Ordering::Release);
        call(426, [ring, DEPTH, DEPTH, 1, 0, 0]);
        word(cq[0]).store(word(cq[0]).load(Ordering::Relaxed) + DEPTH as u32, Ordering::Release);
        done += DEPTH;
    }
    println!("{{\"threads\":[{{\"tid\":{},\"read_bytes\":{},\"write_bytes\":0,\"read_ops\":{},\"write_ops\":0}}]}}",
             std::process::id(), done * block, done);
}
