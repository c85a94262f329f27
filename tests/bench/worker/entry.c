#include "entry.h"

struct timespec bench_entered;

/*
 * bench_entry is the program's entry point (see CMakeLists.txt): clock_gettime(CLOCK_MONOTONIC,
 * &bench_entered) as a bare system call, since nothing of the C library is set up yet, and then the
 * C library's own entry point, with stack and registers as the kernel left them.
 */
#if defined(__x86_64__) && defined(__LP64__)
/* execve(2) clears all registers but the stack pointer; the call itself writes rax, rcx and r11. */
__asm__(".pushsection .text\n"
        ".globl bench_entry\n"
        ".type bench_entry, @function\n"
        "bench_entry:\n"
        "    movl $228, %eax\n"
        "    movl $1, %edi\n"
        "    leaq bench_entered(%rip), %rsi\n"
        "    syscall\n"
        "    xorl %eax, %eax\n"
        "    xorl %ecx, %ecx\n"
        "    xorl %edi, %edi\n"
        "    xorl %esi, %esi\n"
        "    xorl %r11d, %r11d\n"
        "    jmp _start\n"
        ".size bench_entry, . - bench_entry\n"
        ".popsection\n");
#elif defined(__aarch64__)
/* x0 is what _start hands to atexit(3), and 0 here; the call itself writes x0 alone. */
__asm__(".pushsection .text\n"
        ".globl bench_entry\n"
        ".type bench_entry, %function\n"
        "bench_entry:\n"
        "    mov x9, x0\n"
        "    mov x8, #113\n"
        "    mov x0, #1\n"
        "    adrp x1, bench_entered\n"
        "    add x1, x1, #:lo12:bench_entered\n"
        "    svc #0\n"
        "    mov x0, x9\n"
        "    mov x1, #0\n"
        "    mov x8, #0\n"
        "    mov x9, #0\n"
        "    b _start\n"
        ".size bench_entry, . - bench_entry\n"
        ".popsection\n");
#endif
