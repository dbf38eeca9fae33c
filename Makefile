# moxq. `make` builds bin/*; `make check` tests; `make deps` installs what both need. VARIANT=asan|ubsan|release, CC=clang.
VARIANT ?= debug
CC = gcc
OUT := .build/$(VARIANT)$(if $(filter clang%,$(CC)),-clang)
# The default variant's executables stand beside their sources, so that PATH=$PWD/bin runs everything; others under .build.
BIN := $(if $(filter .build/debug,$(OUT)),bin,$(OUT)/bin)

STD := -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla -Wformat=2 \
	-Wwrite-strings -Wcast-qual -Wpointer-arith -Wundef -Wno-format-nonliteral
HARDEN := -fstack-protector-strong -fPIE -fcf-protection
LINKHARDEN := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
MODE_debug := -O2 -g -D_FORTIFY_SOURCE=2
MODE_release := -O2 -g -flto -D_FORTIFY_SOURCE=2
MODE_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
MODE_ubsan := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all
MODE := $(MODE_$(VARIANT))
ifeq ($(MODE),)
$(error VARIANT=$(VARIANT): expected debug, asan, ubsan or release)
endif
# gcc 12 knows level 3; clang 14 does not count as deep.
MODE := $(if $(filter gcc%,$(CC)),$(MODE:-D_FORTIFY_SOURCE=2=-D_FORTIFY_SOURCE=3),$(MODE))

INC := $(addprefix -Ilib/,base mail spool net trust fate report) -It/fake
CFLAGS_ALL := $(STD) $(WARN) $(HARDEN) $(MODE) $(INC) $(CFLAGS)

ROOMS := base mail spool net trust fate report
SRC := $(wildcard lib/*/*.c bin/*.c t/unit/*.c t/*.c t/fake/*.c)
CMDS := $(basename $(notdir $(wildcard bin/*.c)))
UNITS := $(basename $(notdir $(wildcard t/unit/*.c)))
TOOLS := $(basename $(notdir $(wildcard t/*.c)))

# Link lines, one a command (DESIGN 13): rooms, then libraries. What is not named here gets base alone.
ROOMS_mox-queue-add := spool mail
LIBS_mox-queue-add := -lz
ROOMS_mox-runq := fate spool mail
LIBS_mox-runq := -ldb -lz
ROOMS_mox-nexthop := trust net mail
LIBS_mox-nexthop := -lunbound -lidn2
ROOMS_mox-deliver := fate trust net mail
LIBS_mox-deliver := -lgnutls -lgsasl -lidn2
ROOMS_mox-sendmail := mail
LIBS_mox-sendmail := -lidn2
ROOMS_mox-smtpd := mail
LIBS_mox-smtpd := -lidn2
ROOMS_mox-local := mail
ROOMS_ADMIN := report spool mail
LIBS_ADMIN := -ljansson -lz

rooms = $(if $(ROOMS_$1),$(ROOMS_$1),$(if $(filter mox-queue-%,$1),$(ROOMS_ADMIN)))
libs = $(if $(LIBS_$1),$(LIBS_$1),$(if $(filter mox-queue-%,$1),$(LIBS_ADMIN)))
archives = $(foreach r,$(call rooms,$1) base,$(OUT)/lib$r.a)

all: $(CMDS:%=$(BIN)/%) $(TOOLS:%=$(OUT)/t/%)

$(OUT)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

define room
$(OUT)/lib$1.a: $$(patsubst %.c,$(OUT)/%.o,$$(wildcard lib/$1/*.c)) Makefile
	@rm -f $$@
	@ar rcsD $$@ $$(filter %.o,$$^)
endef
$(foreach r,$(ROOMS),$(eval $(call room,$r)))

define command
$(BIN)/$1: $(OUT)/bin/$1.o $(call archives,$1)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS_ALL) $$(LDFLAGS) $(LINKHARDEN) -o $$@ $$^ $(call libs,$1) -lconfuse
endef
$(foreach c,$(CMDS),$(eval $(call command,$c)))

# Unit tests: t/unit/ROOM-name.c links its room and those it may include, plus the libraries the room needs.
ULIBS_base :=
ULIBS_mail := mail
ULIBS_spool := spool mail
ULIBS_net := net mail
ULIBS_trust := trust net mail
ULIBS_fate := fate trust net mail
ULIBS_report := report mail
UEXT_mail := -lidn2
UEXT_spool := -lz -ldb -lidn2
UEXT_net := -lgnutls -lunbound -lgsasl -lidn2
UEXT_trust := -lgnutls -lunbound -lidn2
UEXT_fate := -lgnutls -lunbound -lidn2
UEXT_report := -ljansson -lidn2
uroom = $(firstword $(subst -, ,$1))
define unit
$(OUT)/t/unit/$1: $(OUT)/t/unit/$1.o $(foreach r,$(ULIBS_$(call uroom,$1)) base,$(OUT)/lib$r.a)
	$$(CC) $$(CFLAGS_ALL) $$(LDFLAGS) $(LINKHARDEN) -o $$@ $$^ $(UEXT_$(call uroom,$1)) -lconfuse
endef
$(foreach u,$(UNITS),$(eval $(call unit,$u)))
$(OUT)/libfake.a: $(patsubst %.c,$(OUT)/%.o,$(wildcard t/fake/*.c)) Makefile
	@rm -f $@
	@ar rcsD $@ $(filter %.o,$^)
$(TOOLS:%=$(OUT)/t/%): $(OUT)/t/%: $(OUT)/t/%.o $(OUT)/libfake.a $(OUT)/libbase.a
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) $(LINKHARDEN) -o $@ $^ -lgnutls -lconfuse

units: $(UNITS:%=$(OUT)/t/unit/%)

# Tests run against this variant's executables. PROVE_ARGS names some of them: make check PROVE_ARGS=t/1000-queue-add.t
JOBS := $(shell nproc)
PROVE_ARGS = $(wildcard t/[0-9]*.t)
test: all units
	MOX_BIN=$(abspath $(BIN)) MOX_OUT=$(abspath $(OUT)) prove -j$(JOBS) $(PROVE_ARGS)

check: all units
	$(MAKE) test

clean:
	rm -rf .build $(CMDS:%=bin/%)

.PHONY: all check test units clean
.DELETE_ON_ERROR:
-include $(patsubst %.c,$(OUT)/%.d,$(SRC))
