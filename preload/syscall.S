/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * libc's syscall(). No frame and no saved register unless the number is wanted: a program may make vfork or
 * clone this way, and the child returns on the same stack. Before the real function is known it makes the
 * call itself.
 */
#include <sys/syscall.h>

#if defined(__x86_64__)
	.section .text.hot, "ax"
	.globl	syscall
	.type	syscall, @function
	.p2align 4
syscall:
	.cfi_startproc
	endbr64
	cmpq	$SYS_io_submit, %rdi
	je	dam_syscall_io_submit
	leaq	-SYS_io_uring_setup(%rdi), %rax		/* setup, enter and register are neighbours */
	cmpq	$2, %rax
	jbe	dam_syscall_wanted
	leaq	-SYS_sched_setaffinity(%rdi), %rax	/* and so is getaffinity */
	cmpq	$1, %rax
	jbe	dam_syscall_wanted
	cmpq	$SYS_io_destroy, %rdi
	je	dam_syscall_wanted
	cmpq	$SYS_seccomp, %rdi
	je	dam_syscall_wanted
	cmpq	$SYS_prctl, %rdi
	je	dam_syscall_wanted
	movq	dam_real_syscall(%rip), %rax
	testq	%rax, %rax
	jz	1f
	jmpq	*%rax
1:	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	movq	8(%rsp), %r9
	syscall
	cmpq	$-4095, %rax
	jae	2f
	ret
2:	negl	%eax
	pushq	%rax
	.cfi_adjust_cfa_offset 8
	call	__errno_location@PLT
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	movl	%ecx, (%rax)
	movq	$-1, %rax
	ret
	.cfi_endproc
	.size	syscall, . - syscall

	/* this object keeps to indirect branch tracking and shadow stacks */
	.section .note.gnu.property, "a"
	.p2align 3
	.long	4, 16, 5
	.asciz	"GNU"
	.long	0xc0000002, 4, 3, 0

#elif defined(__aarch64__)
	.section .text.hot, "ax"
	.globl	syscall
	.type	syscall, %function
	.p2align 4
syscall:
	.cfi_startproc
	hint	#34					/* bti c */
	cmp	x0, #SYS_io_submit
	b.eq	dam_syscall_io_submit
	sub	x9, x0, #SYS_io_uring_setup
	cmp	x9, #2
	b.ls	dam_syscall_wanted
	sub	x9, x0, #SYS_sched_setaffinity
	cmp	x9, #1
	b.ls	dam_syscall_wanted
	cmp	x0, #SYS_io_destroy
	b.eq	dam_syscall_wanted
	cmp	x0, #SYS_seccomp
	b.eq	dam_syscall_wanted
	cmp	x0, #SYS_prctl
	b.eq	dam_syscall_wanted
	adrp	x9, dam_real_syscall
	ldr	x9, [x9, #:lo12:dam_real_syscall]
	cbz	x9, 1f
	br	x9
1:	mov	x8, x0
	mov	x0, x1
	mov	x1, x2
	mov	x2, x3
	mov	x3, x4
	mov	x4, x5
	mov	x5, x6
	svc	#0
	cmn	x0, #4095
	b.cs	2f
	ret
2:	neg	w0, w0
	stp	x29, x30, [sp, #-32]!
	str	w0, [sp, #16]
	bl	__errno_location
	ldr	w1, [sp, #16]
	str	w1, [x0]
	ldp	x29, x30, [sp], #32
	mov	x0, #-1
	ret
	.cfi_endproc
	.size	syscall, . - syscall
#endif

	.section .note.GNU-stack, "", %progbits
