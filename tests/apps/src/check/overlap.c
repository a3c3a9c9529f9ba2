// SPDX-License-Identifier: MIT
//
// Code that a jump enters in the middle of an instruction: getppid, inside a constant.
long odd(void);
__asm__(".globl odd\n.type odd, @function\nodd:\n.cfi_startproc\n"
	" jmp 1f+2\n1: .byte 0x48, 0xb8, 0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0xc3\n ret\n.cfi_endproc\n.size odd, .-odd\n");

int main(void)
{
	return odd() < 0;
}
