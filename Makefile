# moxq. `make` builds bin/*; `make check` tests; both want what `make deps` installs. VARIANT=asan|ubsan|fuzz|release, CC=clang.
VARIANT ?= $(if $(filter install,$(MAKECMDGOALS)),release,debug)
CC = gcc
OUT := .build/$(VARIANT)$(if $(filter clang%,$(CC)),-clang)
# The default variant's executables stand beside their sources, so that PATH=$PWD/bin runs everything; others under .build.
BIN := $(if $(filter .build/debug,$(OUT)),bin,$(OUT)/bin)
PREFIX ?= /usr/local
# V=1 shows the whole commands.
Q := $(if $(V),,@)
said = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo "  $1 $2")

# gcc 12 knows FORTIFY level 3; clang 14 does not count as deep, and has no LTO plugin for this linker.
GCC := $(filter gcc%,$(CC))
FORTIFY := -D_FORTIFY_SOURCE=$(if $(GCC),3,2)
STD := -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla -Wformat=2 \
	-Wwrite-strings -Wcast-qual -Wpointer-arith -Wundef -Wno-format-nonliteral
HARDEN := -fstack-protector-strong -fPIE $(if $(filter x86_64 i%86,$(shell uname -m)),-fcf-protection)
LINKHARDEN := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
MODE_debug := -O2 -g $(FORTIFY)
MODE_release := -O2 -g $(FORTIFY) $(if $(GCC),-flto=auto) -Wno-error
MODE_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
MODE_ubsan := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all
MODE_fuzz := $(MODE_asan) -fsanitize=fuzzer-no-link
MODE := $(MODE_$(VARIANT))
ifeq ($(MODE),)
$(error VARIANT=$(VARIANT): expected debug, asan, ubsan, fuzz or release)
endif
AR := $(if $(GCC),gcc-ar,ar)

INC := $(addprefix -Ilib/,base mail spool net trust fate report admin queue) -It/fake
CFLAGS_ALL := $(STD) $(WARN) $(HARDEN) $(MODE) $(INC) $(CFLAGS)

ROOMS := base mail spool net trust fate report admin queue
SRC := $(wildcard lib/*/*.c bin/*.c t/unit/*.c t/*.c t/fake/*.c t/fuzz/*.c)
CMDS := $(basename $(notdir $(wildcard bin/*.c)))
UNITS := $(basename $(notdir $(wildcard t/unit/*.c)))
TOOLS := $(basename $(notdir $(wildcard t/*.c)))

# Link lines, one a command (DESIGN 13): rooms, then libraries. What is not named here gets base alone.
ROOMS_mox-queue-add := spool mail
LIBS_mox-queue-add := -lz
# The door and mox-sendmail are linked statically: a sixth of a run would go into the dynamic linker. The sanitizers know no static programs.
LINK_mox-queue-add := $(if $(filter asan ubsan,$(VARIANT)),,-static-pie)
ROOMS_mox-runq := queue fate spool mail
LIBS_mox-runq := -ldb -lz
ROOMS_mox-nexthop := trust net mail
LIBS_mox-nexthop := -lunbound -lidn2
ROOMS_mox-mtasts := trust net mail
LIBS_mox-mtasts := -lcurl -lgnutls -lidn2
ROOMS_mox-deliver := fate trust net mail
LIBS_mox-deliver := -lgnutls -lgsasl -lidn2
ROOMS_mox-submit := trust net mail
LIBS_mox-submit := -lgnutls -lgsasl -lidn2
ROOMS_mox-dkim := trust net mail
LIBS_mox-dkim := -lgnutls -lidn2
ROOMS_mox-sendmail := mail
LIBS_mox-sendmail := -lidn2 -lunistring
LINK_mox-sendmail = $(LINK_mox-queue-add)
ROOMS_mox-smtpd := mail
LIBS_mox-smtpd := -lidn2
ROOMS_mox-local := mail
LIBS_mox-local := -lidn2
ROOMS_mox-dsn := report net mail
ROOMS_mox-localserve := mail
LIBS_mox-localserve := -lidn2
ROOMS_mox-doctor := report trust mail
LIBS_mox-doctor := -ljansson -lidn2
ROOMS_mox-tlsrpt-send := report trust net mail
LIBS_mox-tlsrpt-send := -lcurl -lgnutls -ljansson -lz -lidn2
ADMIN := mox-queue-% mox-gentestdata mox-retired-list mox-suppress mox-stat mox-holdrule
LIBS_mox-suppress := -ljansson -lz -lidn2
LIBS_mox-holdrule := -ljansson -lz -lidn2
ROOMS_ADMIN := admin report spool mail
LIBS_ADMIN := -ljansson -lz

rooms = $(if $(ROOMS_$1),$(ROOMS_$1),$(if $(filter $(ADMIN),$1),$(ROOMS_ADMIN)))
libs = $(if $(LIBS_$1),$(LIBS_$1),$(if $(filter $(ADMIN),$1),$(LIBS_ADMIN)))
archives = $(foreach r,$(call rooms,$1) base,$(OUT)/lib$r.a)

all: $(CMDS:%=$(BIN)/%) $(TOOLS:%=$(OUT)/t/%)

$(OUT)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call said,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

define room
$(OUT)/lib$1.a: $$(patsubst %.c,$(OUT)/%.o,$$(wildcard lib/$1/*.c)) Makefile
	@rm -f $$@
	@$(AR) rcsD $$@ $$(filter %.o,$$^)
endef
$(foreach r,$(ROOMS),$(eval $(call room,$r)))

define command
$(BIN)/$1: $(OUT)/bin/$1.o $(call archives,$1)
	@mkdir -p $$(@D)
	$$(call said,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS_ALL) $$(LDFLAGS) $(filter-out $(if $(LINK_$1),-pie),$(LINKHARDEN)) $(LINK_$1) -o $$@ $$^ $(call libs,$1) -lconfuse
endef
$(foreach c,$(CMDS),$(eval $(call command,$c)))

# For the tests of walls: command, its rooms, its libraries.
links:
	@$(foreach c,$(CMDS),echo '$c: $(strip $(call rooms,$c)) base: $(strip $(call libs,$c))';)

# Unit tests: t/unit/ROOM-name.c links its room and those it may include, plus the libraries the room needs.
ULIBS_base :=
ULIBS_mail := mail
ULIBS_spool := spool mail
ULIBS_net := net mail
ULIBS_trust := trust net mail
ULIBS_fate := fate trust net mail
ULIBS_report := report trust net mail
ULIBS_admin := admin report spool mail
ULIBS_queue := queue mail
UEXT_mail := -lidn2
UEXT_spool := -lz -ldb -lidn2
UEXT_net := -lgnutls -lunbound -lgsasl -lidn2
UEXT_trust := -lgnutls -lunbound -lgsasl -lidn2
UEXT_fate := -lgnutls -lunbound -lgsasl -lidn2
UEXT_report := -ljansson -lz -lidn2
UEXT_admin := -ljansson -lz
uroom = $(firstword $(subst -, ,$1))
define unit
$(OUT)/t/unit/$1: $(OUT)/t/unit/$1.o $(foreach r,$(ULIBS_$(call uroom,$1)) base,$(OUT)/lib$r.a)
	$$(call said,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS_ALL) $$(LDFLAGS) $(LINKHARDEN) -o $$@ $$^ $(UEXT_$(call uroom,$1)) -lconfuse
endef
$(foreach u,$(UNITS),$(eval $(call unit,$u)))
$(OUT)/libfake.a: $(patsubst %.c,$(OUT)/%.o,$(wildcard t/fake/*.c)) Makefile
	@rm -f $@
	@$(AR) rcsD $@ $(filter %.o,$^)
$(OUT)/t/spool-check: $(OUT)/libspool.a $(OUT)/libmail.a
$(OUT)/t/index-put: $(OUT)/libspool.a $(OUT)/libmail.a
$(OUT)/t/hostile: $(OUT)/libnet.a | $(OUT)/t/hostile.so
$(OUT)/t/hostile.so: t/hostile.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(STD) $(WARN) -O2 -fPIC -shared -DPRELOAD -Ilib/base -o $@ $<
$(TOOLS:%=$(OUT)/t/%): $(OUT)/t/%: $(OUT)/t/%.o $(OUT)/libfake.a $(OUT)/libbase.a
	$(call said,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) $(LINKHARDEN) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
	    -lgnutls -lconfuse -lz -ldb

# mox-runq with a concurrency that does not learn, for t/perf/internet to compare with.
$(OUT)/fixed/mox-runq: $(OUT)/bin/mox-runq.o $(OUT)/t/perf/site-fixed.o $(call archives,mox-runq)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) $(LINKHARDEN) -o $@ $^ $(call libs,mox-runq) -lconfuse

units: $(UNITS:%=$(OUT)/t/unit/%)

# Fuzz targets: t/fuzz/ROOM-name.c, linked as unit tests are, with clang and VARIANT=fuzz (t/fuzz/run).
FUZZERS := $(basename $(notdir $(wildcard t/fuzz/*.c)))
define fuzzer
$(OUT)/t/fuzz/$1: $(OUT)/t/fuzz/$1.o $(foreach r,$(ULIBS_$(call uroom,$1)) base,$(OUT)/lib$r.a)
	$$(call said,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS_ALL) -fsanitize=fuzzer $$(LDFLAGS) $(LINKHARDEN) -o $$@ $$^ $(UEXT_$(call uroom,$1)) -lconfuse
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzzer,$f)))
fuzzers: $(FUZZERS:%=$(OUT)/t/fuzz/%)

# Tests run against this variant's executables. PROVE_ARGS names some of them: make check PROVE_ARGS=t/1000-queue-add.t
JOBS := $(shell nproc)
# Tests wait more than they work: for timers, for other servers, for a kill.
TESTS_AT_ONCE := $(shell expr 5 '*' $(JOBS) / 2)
# The longest first, lest one of them be all that still runs at the end.
LONG := $(wildcard $(patsubst %,t/%-*.t,6100 7040 4135 2510 3210 2210 3220 2050 3110 2100 5070 6000))
PROVE_ARGS = $(LONG) $(filter-out $(LONG),$(wildcard t/[0-9]*.t))
test: all units
	MOX_BIN=$(abspath $(BIN)) MOX_OUT=$(abspath $(OUT)) prove --state=save -j$(TESTS_AT_ONCE) $(PROVE_ARGS)

# What failed in the last run, one at a time: tells what is broken from what a busy machine was too slow for.
again: all units
	MOX_BIN=$(abspath $(BIN)) MOX_OUT=$(abspath $(OUT)) prove --state=failed

# Installs what is missing, when it may, and is silent otherwise; the rest in a make of its own, when compiler and libraries are there.
deps:
	@t/deps

check: deps
	@$(MAKE) -j$(JOBS) all units
	@$(MAKE) test

# What takes minutes: t/slow/*.t
check-slow: deps
	@$(MAKE) test JOBS=1 PROVE_ARGS='$(wildcard t/slow/*.t)'

# Each parser of strangers' bytes, FUZZ_TIME seconds. What is found stays in .build/fuzz-found.
FUZZ_TIME ?= 10
fuzz: deps
	@t/fuzz/run $(FUZZ_TIME)

# What moxq costs beside Postfix, dma and nullmailer; PARTS="inject drain" some of it, PROFILE=1 ours alone and where the time goes.
bench: deps
	@$(MAKE) -j$(JOBS) all VARIANT=release
	MOX_BIN=$(abspath .build/release/bin) MOX_OUT=$(abspath .build/release) t/perf/run $(if $(PROFILE),-p) $(BENCH_ARGS) $(PARTS)

demo: deps
	@$(MAKE) -j$(JOBS) all
	@MOX_BIN=$(abspath bin) contrib/demo

# ---- what a reader would complain of ----

CODE = $(wildcard lib/*/*.[ch] bin/*.c t/*.[ch] t/*/*.[ch])
SCRIPTS = $(wildcard t/deps t/*.sh t/*.t t/*/*.sh t/*/*.t .ci/run) $(shell grep -lsE '^\#! *(/usr)?/bin/(ba)?sh' contrib/* t/*/*)
PAGES = $(wildcard man/*.[1-8])
lint: lint-format lint-pages lint-scripts lint-cppcheck lint-tidy
lint-format:
	clang-format --dry-run -Werror $(CODE)
lint-pages:
	mandoc -T lint -W warning $(PAGES)
lint-scripts:
	shellcheck -x -S warning $(SCRIPTS)
lint-cppcheck:
	cppcheck -q -j$(JOBS) --std=c11 --inline-suppr --error-exitcode=1 --enable=warning,portability \
		--suppressions-list=.cppcheck --cppcheck-build-dir=$(call dir,.build/cppcheck) \
		$(patsubst %,--include=%,$(firstword $(wildcard /usr/include/sys/queue.h /usr/include/*/sys/queue.h))) $(INC) -D_GNU_SOURCE \
		$(filter %.c,$(CODE))
# A file is looked at again when it, or a header it includes, has changed.
lint-tidy: $(patsubst %.c,.build/tidy/%.ok,$(filter %.c,$(CODE)))
.build/tidy/%.ok: %.c .clang-tidy
	@mkdir -p $(@D)
	$(call said,TIDY,$<)
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $< -- $(STD) $(INC) 2>/dev/null
	@touch $@
dir = $(shell mkdir -p $1)$1
format:
	clang-format -i $(CODE)

# ---- installing ----

# All commands in one directory, where they find one another beside /proc/self/exe; sendmail, mailq and newaliases are links.
# Users, groups, modes and the spool: make install-users, as root.
D = $(DESTDIR)$(PREFIX)
install: all
	install -d $(D)/bin $(D)/sbin $(D)/lib $(D)/share/doc/moxq $(sort $(foreach p,$(PAGES),$(D)/share/man/man$(subst .,,$(suffix $p))))
	install $(CMDS:%=$(BIN)/%) $(D)/bin
	ln -sf mox-sendmail $(D)/bin/mailq
	ln -sf mox-sendmail $(D)/bin/newaliases
	ln -sf ../bin/mox-sendmail $(D)/sbin/sendmail
	ln -sf ../bin/mox-sendmail $(D)/lib/sendmail
	for p in $(PAGES); do install -m 644 $$p $(D)/share/man/man$${p##*.}; done
	install -m 644 $(wildcard README.md NEWS.md LICENSE spool-layout.txt) $(D)/share/doc/moxq
	cp -R contrib $(D)/share/doc/moxq

SPOOL ?= /var/spool/mox
install-users:
	contrib/install-users '$(DESTDIR)' '$(PREFIX)' '$(SPOOL)' spool-layout.txt

clean:
	rm -rf .build $(CMDS:%=bin/%)

.PHONY: all links units fuzzers fuzz test again deps check check-slow bench demo lint lint-format lint-pages lint-scripts lint-cppcheck lint-tidy format \
	install install-users clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(patsubst %.c,$(OUT)/%.d,$(SRC))
