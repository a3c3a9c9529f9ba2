# SPDX-License-Identifier: MIT
#
# make            the monitor with the kernel inside: ./whelk
# make kernel     build/kernel.elf (platform kvm) and build/kernel-linux.elf alone
# make unit       unit tests on the host, with sanitizers       make check       everything that tests
# make fuzz-short / make fuzz      fuzzers, a minute each / until stopped
# make tap        build/kernel-tap.elf and build/kernel-linux-tap.elf, with lwIP inside, for whelk run --net tap=IF (docs/network.md)
# make libc       build/libc/lib/libc.so, a musl that calls the kernel by jumps, for whelk run --libc=fast (docs/libc.md)
# make gdb TEST=futex     that test of tests/abi under gdb      make asan TEST=futex    ... with a kernel that checks its heap
# make bench      benchmarks        make docs       generated pages        make clean        V=1: show commands
#
# SANITIZE=1, with a B=build/asan of its own: a kernel that checks every use of its heap (kernel/debug/asan.c).
#
# Sources are found by wildcard: every directory of kernel/ is a component, kernel/<component>/<arch>/ replaces
# files of the same name, component.mk says what a component needs. WERROR= for strangers' compilers; DEBUG=1 for fail().

ARCH ?= x86_64
PLATFORMS := kvm linux
CC ?= cc
LD ?= ld
OBJCOPY ?= objcopy
WERROR ?= -Werror
B := build
# ./whelk is the program of the usual build directory; `make B=elsewhere` leaves it alone.
LINK := $(if $(filter build,$(B)),whelk)
.DEFAULT_GOAL := all
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1) $(2)")
MAKEFLAGS += -r
.SUFFIXES:

WARN := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla
COMMON := -std=gnu11 -g $(WARN) -MMD -MP -I. -I$(B)/gen $(if $(DEBUG),-DWHELK_DEBUG)

# --- kernel ---------------------------------------------------------------------------------------

# What runs at every system call, fault or switch is optimised for speed, all else for size: the kernel is to stay small.
KERNEL_HOT := arch base futex hostfs mm pipe plat sched signal sys tmpfs vfs
KERNEL_COLD := $(wildcard base/format.c $(addprefix kernel/, \
	arch/$(ARCH)/cpuinfo.c arch/$(ARCH)/prctl.c arch/$(ARCH)/trap.c arch/$(ARCH)/vector.c futex/pi.c futex/robust.c \
	futex/two.c hostfs/dax.c hostfs/dir.c hostfs/file.c hostfs/node.c mm/advise.c mm/heap.c mm/map.c mm/maps.c mm/mm_sys.c \
	mm/page.c mm/pagetable.c mm/remap.c mm/text.c mm/vma.c pipe/ring.c plat/linux/host.c plat/linux/stream.c plat/linux/translate.c \
	plat/linux/window.c plat/shared.c sched/rseq.c sched/sched_sys.c sched/thread.c signal/action.c signal/deliver.c \
	signal/fatal.c signal/kill.c signal/send.c signal/signalfd.c signal/stack.c sys/errno_name.c sys/manifest.c \
	sys/refuse.c sys/table.c sys/trace*.c tmpfs/dir.c tmpfs/pages.c tmpfs/tmpfs.c tmpfs/xattr.c vfs/attr_sys.c \
	vfs/copy_sys.c vfs/create.c vfs/dcache.c vfs/dir_sys.c vfs/fd_sys.c vfs/files.c vfs/inode.c vfs/inotify.c vfs/lock.c \
	vfs/mount.c vfs/name_sys.c vfs/open.c vfs/own.c vfs/stat_sys.c vfs/static_dir.c vfs/text_file.c vfs/xattr_sys.c))
# Aligned functions and loops, blocks written twice and more inlining make no call measurably quicker (bench/syscall), and
# the kernel a tenth larger. A stack that is aligned to a word serves a kernel that uses general registers only. Frame pointers
# would be another 12 KiB, for nothing but a panic, which finds its way without (arch_backtrace).
SPEED := -O2
SIZE := $(if $(shell echo | $(CC) -Oz -E - 2>/dev/null),-Oz,-Os)
ifneq ($(findstring gcc,$(shell $(CC) -v 2>&1 | tail -n 1)),)
SPEED += -falign-functions=1 -falign-jumps=1 -falign-loops=1 -freorder-blocks-algorithm=simple -fno-gcse -fno-tree-pre \
	--param=max-inline-insns-auto=5
# Each of these makes the kernel 200 to 800 bytes smaller with gcc 12.
SIZE += -fno-caller-saves -fno-inline-functions-called-once -fno-jump-tables -fno-tree-dominator-opts -fno-tree-sra -fno-tree-loop-im -fno-shrink-wrap
KFLAGS_gcc_x86_64 := -malign-data=abi -mpreferred-stack-boundary=3 -mskip-rax-setup
endif
component = $(if $(filter base/%,$(1)),base,$(word 2,$(subst /, ,$(1))))
optimise = $(if $(filter $(KERNEL_COLD),$(1)),$(SIZE),$(if $(filter $(KERNEL_HOT),$(call component,$(1))),$(SPEED),$(SIZE)))
KFLAGS := $(COMMON) -Ikernel -Ikernel/arch/$(ARCH)/include -ffreestanding -fPIE -fvisibility=hidden -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fno-unwind-tables -ffunction-sections -fdata-sections -fno-strict-aliasing '-ffile-prefix-map=$(CURDIR)/='
KFLAGS_x86_64 := -fomit-frame-pointer -mgeneral-regs-only -mno-red-zone -fcf-protection=none
KFLAGS += $(KFLAGS_$(ARCH)) $(KFLAGS_gcc_$(ARCH))
# gcc's; what keeps the shadow and what it describes are not themselves looked at.
KFLAGS += $(if $(SANITIZE),-DWHELK_ASAN)
sanitize = $(if $(SANITIZE),$(if $(filter kernel/debug/% kernel/mm/heap.c kernel/mm/page.c,$(1)),,-fsanitize=kernel-address \
	--param asan-instrumentation-with-call-threshold=0 --param asan-globals=0 --param asan-stack=0))

COMPONENTS := $(filter-out arch plat,$(patsubst kernel/%/,%,$(sort $(dir $(wildcard kernel/*/*.c)))))
component_c = $(filter-out $(patsubst kernel/$(1)/$(ARCH)/%,kernel/$(1)/%,$(wildcard kernel/$(1)/$(ARCH)/*.c)),$(wildcard kernel/$(1)/*.c)) \
	$(wildcard kernel/$(1)/$(ARCH)/*.[cS])
# All but kernel/plat/<platform>/ is the same in each platform's kernel.
# What copies and fills is the architecture's; a kernel with checks has C's, which the compiler instruments.
KERNEL_SRC := $(filter-out $(if $(SANITIZE),kernel/arch/$(ARCH)/string.S,base/copy.c),$(wildcard kernel/*.c) $(wildcard base/*.c) \
	$(foreach c,$(COMPONENTS),$(call component_c,$(c))) $(wildcard kernel/arch/$(ARCH)/*.[cS]) $(wildcard kernel/plat/*.c))
kernel_obj = $(patsubst %,$(B)/k/%.o,$(KERNEL_SRC) $(wildcard kernel/plat/$(1)/*.[cS]))
kernel_name = $(B)/kernel$(if $(filter-out kvm,$(1)),-$(1))
KERNELS := $(foreach p,$(PLATFORMS),$(call kernel_name,$(p)).elf)
KERNEL_LD := kernel/arch/$(ARCH)/kernel.ld
LIBGCC := $(shell $(CC) -print-libgcc-file-name)

GEN := $(B)/gen/sys/syscalls.h $(B)/gen/sys/rows.inc
# For whelk build --specialise: the kernels as archives.
SPECIALISE := $(foreach p,$(PLATFORMS),$(B)/specialise/$(p)/kernel.a)
# `whelk check` and `whelk build` are programs of their own, made where their decoder is installed (libzydis-dev).
CHECK := $(if $(wildcard /usr/include/Zydis/Zydis.h),$(B)/whelk-check $(B)/whelk-build $(SPECIALISE))

.PHONY: all kernel monitor clean unit check fuzz fuzz-short bench docs size
all: $(B)/whelk $(LINK) $(B)/whelk.1 $(CHECK)
kernel: $(KERNELS)

$(B)/gen/sys/syscalls.h: kernel/sys/syscalls.def kernel/sys/gen.awk
	@mkdir -p $(@D)
	$(Q)awk -v out=h -f kernel/sys/gen.awk $< > $@.new && mv $@.new $@
$(B)/gen/sys/rows.inc: kernel/sys/syscalls.def kernel/sys/gen.awk
	@mkdir -p $(@D)
	$(Q)awk -v out=c -f kernel/sys/gen.awk $< > $@.new && mv $@.new $@

$(B)/k/%.c.o: %.c Makefile | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(KFLAGS) $(call optimise,$<) $(call sanitize,$<) -c $< -o $@
$(B)/k/%.S.o: %.S Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(KFLAGS) -Wa,-I$(B) -c $< -o $@
$(B)/k/kernel/arch/$(ARCH)/vdso_image.S.o: $(B)/vdso.so

# The program's flags apply to the vDSO, not the kernel's.
VDSO := kernel/arch/$(ARCH)/vdso
$(B)/vdso.so: $(VDSO)/vdso.c $(VDSO)/vdso.ld abi/boot.h Makefile
	@mkdir -p $(@D)
	$(call say,VDSO,$@)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -Wno-missing-prototypes -I. -fPIC -ffreestanding -fno-stack-protector -fvisibility=hidden \
		-fasynchronous-unwind-tables -fcf-protection=none -nostdlib -shared -Wl,-T,$(VDSO)/vdso.ld -Wl,--hash-style=both \
		-Wl,--build-id=none -Wl,-soname,linux-vdso.so.1 -Wl,-z,max-page-size=4096 -Wl,--eh-frame-hdr -o $@.full $<
	@if readelf -rW $@.full | grep -q R_X86; then echo "the vDSO needs relocations"; exit 1; fi
	$(Q)$(OBJCOPY) -S $@.full $@.new
	$(Q)$(call headless,$@.new)
	$(Q)mv $@.new $@

# The section headers of $(1), at its end, go: who loads it looks at its program headers.
headless = truncate -s $$(LC_ALL=C readelf -h $(1) | sed -n 's/.*Start of section headers: *\([0-9]*\).*/\1/p') $(1); \
	for at in 40:8 60:2 62:2; do head -c $${at\#*:} /dev/zero | dd of=$(1) bs=1 seek=$${at%:*} conv=notrunc status=none; done

# $(call kernel,NAME,PLATFORM,MORE OBJECTS). Only RELATIVE relocations, nothing undefined, no vector registers used by the compiler (-mgeneral-regs-only).
define kernel
$(1).full: $(call kernel_obj,$(2)) $(3) $(KERNEL_LD) kernel/plat/$(2)/image.ld
	@tools/needs
	$$(call say,LD,$$@)
	$$(Q)$(LD) -pie --no-dynamic-linker -z text -z noexecstack -z max-page-size=4096 -z norelro -z pack-relative-relocs --gc-sections --build-id=none -n \
		-L kernel/plat/$(2) -T $(KERNEL_LD) -Map=$(1).map $(call kernel_obj,$(2)) $(3) $(LIBGCC) -o $$@
	@if readelf -rW $$@ | grep R_ | grep -v _RELATIVE; then echo "kernel: relocations the monitor does not apply"; rm -f $$@; exit 1; fi
$(1).elf: $(1).full
	$$(Q)$(OBJCOPY) -S $$< $$@.new
	$$(Q)$$(call headless,$$@.new)
	$$(Q)mv $$@.new $$@
	@n=$$$$(stat -c %s $$@); [ -n "$(SANITIZE)$(3)" ] || [ $$$$n -le 307200 ] || echo "  warning: the kernel has $$$$n bytes, more than 300 KiB"
endef
$(foreach p,$(PLATFORMS),$(eval $(call kernel,$(call kernel_name,$(p)),$(p))))
size: $(KERNELS)
	@size $(KERNELS:.elf=.full); ls -l $(KERNELS)

# --- kernels with lwIP ----------------------------------------------------------------------------

# Of Debian's source package, fetched once; kernel/inet/lwip/ is what joins it to the kernel.
LWIP := kernel/inet/lwip
LWIP_VERSION := 2.1.3+dfsg1-2
LWIP_C := $(addprefix core/,def inet_chksum init ip mem memp netif pbuf tcp tcp_in tcp_out timeouts udp) \
	$(addprefix core/ipv4/,dhcp etharp icmp ip4 ip4_addr ip4_frag) \
	$(addprefix core/ipv6/,ethip6 icmp6 inet6 ip6 ip6_addr ip6_frag mld6 nd6) netif/ethernet
LWIP_OBJ := $(patsubst %,$(B)/lwip/o/%.o,$(LWIP_C)) $(patsubst %,$(B)/k/%.o,$(wildcard $(LWIP)/*.c))
TAP_KERNELS := $(foreach p,$(PLATFORMS),$(call kernel_name,$(p))-tap.elf)
$(foreach p,$(PLATFORMS),$(eval $(call kernel,$(call kernel_name,$(p))-tap,$(p),$(LWIP_OBJ))))
.PHONY: tap
tap: $(TAP_KERNELS)

$(B)/lwip/unpacked: $(LWIP)/source.sha256
	@mkdir -p $(@D)
	@command -v dpkg-source >/dev/null || { echo "lwip: dpkg-source is missing: install Debian's package dpkg-dev" >&2; exit 1; }
	@tools/fetch-source lwip $(LWIP_VERSION) bookworm $< $(@D)
	@rm -rf $(@D)/lwip
	@dpkg-source --no-check --no-copy --extract $(@D)/source/lwip_$(LWIP_VERSION).dsc $(@D)/lwip > $(@D)/log 2>&1 || { cat $(@D)/log >&2; exit 1; }
	@touch $@
$(B)/lwip/o/%.o: $(B)/lwip/unpacked $(wildcard $(LWIP)/include/* $(LWIP)/include/*/*)
	@mkdir -p $(@D)
	$(call say,CC,lwip/$*.c)
	$(Q)$(CC) $(filter-out -W% -MMD -MP,$(KFLAGS)) -w -O2 $(LWIP_I) -c $(B)/lwip/lwip/src/$*.c -o $@
LWIP_I := -I$(LWIP)/include -isystem $(B)/lwip/lwip/src/include
$(B)/k/$(LWIP)/%.o: KFLAGS += $(LWIP_I)
$(patsubst %,$(B)/k/%.o,$(wildcard $(LWIP)/*.c)): $(B)/lwip/unpacked

# --- monitor --------------------------------------------------------------------------------------

MFLAGS := $(COMMON) -Imonitor/arch/$(ARCH) -O2 -fno-omit-frame-pointer -D_GNU_SOURCE -fPIE -fstack-protector-strong \
	-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections
MONITOR_SRC := $(wildcard monitor/*.[cS]) $(wildcard monitor/dev/*.c) $(wildcard monitor/arch/$(ARCH)/*.c) base/tree.c base/sha256.c
MONITOR_OBJ := $(patsubst %,$(B)/m/%.o,$(MONITOR_SRC))

$(B)/m/%.c.o: %.c | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(MFLAGS) -c $< -o $@
$(B)/m/%.S.o: %.S
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(MFLAGS) -Wa,-I$(B) -c $< -o $@
$(B)/m/monitor/kernel_image.S.o: $(KERNELS)

$(B)/whelk: $(MONITOR_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -static-pie -pthread -Wl,--gc-sections -Wl,-z,noexecstack -Wl,-z,relro,-z,now $(MONITOR_OBJ) -o $@
whelk: $(B)/whelk
	ln -sf $(B)/whelk $@
monitor: $(B)/whelk $(LINK)
$(B)/whelk.1: monitor/man.awk monitor/help.c tools/syscan/main.c tools/build/main.c
	@mkdir -p $(@D)
	$(Q)awk -f $^ > $@.new && mv $@.new $@

# --- whelk check ----------------------------------------------------------------------------------

CHECK_OBJ := $(patsubst %,$(B)/c/%.o,$(wildcard tools/syscan/*.c) $(wildcard tools/lib/*.c))
$(B)/gen/sys/levels.inc: kernel/sys/syscalls.def kernel/sys/gen.awk
	@mkdir -p $(@D)
	$(Q)awk -v out=levels -f kernel/sys/gen.awk $< > $@.new && mv $@.new $@
$(B)/c/%.c.o: %.c | $(B)/gen/sys/levels.inc
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(COMMON) -O2 -D_GNU_SOURCE -fPIE -fstack-protector-strong -c $< -o $@
$(B)/whelk-check: $(CHECK_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -pie -Wl,-z,relro,-z,now $(CHECK_OBJ) -lZydis -o $@

# A kernel to be specialised: its objects but its dispatch table, how they are linked, the compiler's routines.
define specialise
$(B)/specialise/$(1)/kernel.a: $(filter-out %/sys/handlers.c.o,$(call kernel_obj,$(1))) $(KERNEL_LD) kernel/plat/$(1)/image.ld
	@mkdir -p $$(@D) && rm -f $$@
	$$(call say,AR,$$@)
	$$(Q)$(AR) qcsDP $$@ $(filter-out %/sys/handlers.c.o,$(call kernel_obj,$(1)))
	@cp $(KERNEL_LD) kernel/plat/$(1)/image.ld $(LIBGCC) $$(@D)
endef
$(foreach p,$(PLATFORMS),$(eval $(call specialise,$(p))))

BUILD_OBJ := $(patsubst %,$(B)/c/%.o,$(wildcard tools/build/*.c) base/sha256.c) $(filter-out %/syscan/main.c.o,$(CHECK_OBJ))
# It knows the kernel's tables of operations.
$(B)/c/tools/build/prune.c.o: COMMON += -Ikernel -Ikernel/arch/$(ARCH)/include
$(B)/whelk-build: $(BUILD_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -pie -Wl,-z,relro,-z,now $(BUILD_OBJ) -lZydis -o $@

# --- libc -----------------------------------------------------------------------------------------

# What it is made of and what is missing the script says itself; it does nothing when nothing has changed.
.PHONY: libc
libc:
	@libc/build $(B)/libc

# --- tests ----------------------------------------------------------------------------------------

# tests/unit/NAME.c and tests/fuzz/fuzz_NAME.c are programs; NAME.mk beside them may set `sources` (more of them),
# `cflags` (for all of these), `testflags` (for the test alone) and `libraries`. Each is built from objects of its own,
# with sanitizers.
UFLAGS := -std=gnu11 -O1 -g $(WARN) -Wno-missing-prototypes -fno-omit-frame-pointer -fno-sanitize-recover=all \
	-I. -Ikernel -Ikernel/arch/$(ARCH)/include -Imonitor/arch/$(ARCH) -I$(B)/gen -Itests/unit
SAN_unit := -fsanitize=address,undefined
SAN_fuzz := -fsanitize=fuzzer,address,undefined
FUZZ_CC ?= clang
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

# $(call sanitized,unit or fuzz,NAME,COMPILER)
define sanitized
sources :=
cflags :=
testflags :=
libraries :=
-include tests/$(1)/$(2).mk
$(2)_objects := $$(patsubst %,$(B)/$(1)/objects/$(2)/%.o,tests/$(1)/$(2).c $$(sources))
$(2)_cflags := $$(cflags)
$(2)_testflags := $$(testflags)
$(2)_libraries := $$(libraries)
$(B)/$(1)/$(2): $$($(2)_objects)
	$$(call say,LD,$$@)
	$$(Q)$(3) $$(SAN_$(1)) $$^ -pthread $$($(2)_libraries) -o $$@
$(B)/$(1)/objects/$(2)/%.c.o: %.c | $$(GEN) $(B)/gen/sys/levels.inc
	@mkdir -p $$(@D)
	$$(Q)$(3) $$(UFLAGS) $$(SAN_$(1)) -MMD -MP $$($(2)_cflags) $$(if $$(filter monitor/%,$$<),-D_GNU_SOURCE) \
		$$(if $$(filter tests/%,$$<),$$($(2)_testflags)) -c $$< -o $$@
endef
$(foreach u,$(UNIT),$(eval $(call sanitized,unit,$(u),$(CC))))
$(foreach f,$(FUZZ),$(eval $(call sanitized,fuzz,$(f),$(FUZZ_CC))))

.PHONY: unit-build fuzz-build
unit-build: $(addprefix $(B)/unit/,$(UNIT))
fuzz-build: $(addprefix $(B)/fuzz/,$(FUZZ))
# $(call stale,unit or fuzz,NAMES): one that can no longer be built is gone, not run as it was
stale = for n in $(2); do $(MAKE) -s -q $(B)/$(1)/$$n 2>/dev/null || rm -f $(B)/$(1)/$$n; done
unit:
	@mkdir -p $(B)/unit
	@$(MAKE) -s -k -j$(shell nproc) unit-build > $(B)/unit/log 2>&1 || { $(call stale,unit,$(UNIT)); }; \
		tests/tally unit $(B)/unit $(UNIT)

# fuzz_syscalls drives a machine whose kernel checks its heap. Each fuzzer for FUZZ_SECONDS; what it learns stays in
# build/fuzz/NAME.corpus, what it breaks in build/fuzz/NAME.crash-*.
FUZZ_SECONDS ?= 600
fuzz-short: FUZZ_SECONDS = 5
fuzz-short fuzz: all
	@mkdir -p $(B)/fuzz
	@$(MAKE) -s B=$(B)/asan SANITIZE=1
	@$(MAKE) -s -k -j$(shell nproc) fuzz-build > $(B)/fuzz/log 2>&1 || { $(call stale,fuzz,$(FUZZ)); }; \
		FUZZ_SECONDS=$(FUZZ_SECONDS) tests/tally fuzz $(B)/fuzz $(FUZZ) syscall_args

# One test of tests/abi on platform linux: under gdb, once it is compiled and has passed natively; on a kernel with SANITIZE=1.
TEST ?= futex
.PHONY: gdb asan
gdb: all
	@tests/run --native-only abi/$(TEST)
	@B=$(B) tools/gdb build/tests/abi/$(TEST)
asan:
	@$(MAKE) -s B=$(B)/asan SANITIZE=1 monitor
	@WHELK_PLATFORM=linux tests/run --whelk $(B)/asan/whelk $(TEST:%=abi/%)

bench: all
	@bench/run
check:
	@./check
docs:
	awk -v out=md -f kernel/sys/gen.awk kernel/sys/syscalls.def > docs/syscalls.md

clean:
	rm -rf $(B) $(LINK)

-include $(shell find $(B)/k $(B)/m $(B)/c $(B)/unit $(B)/fuzz -name '*.d' 2>/dev/null)
