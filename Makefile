# Pulse: build with PGXS. `make && make install`, then CREATE EXTENSION pulse.
EXTENSION  = pulse
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" pulse.control)

# Rooms in the order in which they may depend on each other (doc/architecture.md).
ROOMS = base pg audit rule source segment snapshot drift http diagnosis health delivery profile trait flag web worker

# How many files a translation unit includes at most (script/units): 40 builds fastest from nothing, 6 after a change,
# 1 compiles each file by itself, so that a missing include shows.
UNIT_FILES ?= 40
SOURCES    := $(shell script/units $(UNIT_FILES) $(ROOMS))

MODULE_big = pulse
OBJS       = $(patsubst %.cpp,%.o,$(SOURCES))
DATA_built = sql/pulse--$(EXTVERSION).sql
DATA       = $(wildcard sql/pulse--*--*.sql)
EXTRA_CLEAN = $(DATA_built) $(wildcard src/*/*.[od]) test/results build

PG_CPPFLAGS = -Iinclude -I. -DPULSE_VERSION='"$(EXTVERSION)"'
PG_CXXFLAGS = -std=c++20 -fvisibility=hidden -fvisibility-inlines-hidden \
              -Wall -Wextra -Wno-register -Wno-unused-parameter $(PULSE_WERROR)
SHLIB_LINK  = -lstdc++ $(libpq) -lcurl -lcrypto -Wl,--compress-debug-sections=zlib

REGRESS      = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=test

# Bitcode for JIT inlining would compile every file twice for nothing: no SQL expression inlines our functions.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Header dependencies, also where PostgreSQL was built without --enable-depend.
# -g1: functions and lines, for backtraces; PULSE_DEBUG=-g gives debuggers the rest, at 25 times the size.
PULSE_DEBUG ?= -g1
override CXXFLAGS += -MMD -MP $(PULSE_DEBUG) $(PULSE_CXXFLAGS)
-include $(OBJS:.o=.d)
# For src/pg/remote.cpp, the only file that sees libpq.
override CPPFLAGS += -I$(libpq_srcdir)
# Rooms that make texts (script/units).
PULSE_COLD ?= -O1
$(filter build/units/$(UNIT_FILES)/cold_%,$(OBJS)): override CXXFLAGS += $(PULSE_COLD)

# Each file by itself, without making anything: no file may live on what another one of its unit includes.
.PHONY: objects check-includes
objects: $(OBJS)
check-includes:
	@$(MAKE) --no-print-directory -k objects UNIT_FILES=1 PULSE_CXXFLAGS='-fsyntax-only -O0'

# One script from the rooms' parts, in the rooms' order; who may use it all comes last.
SQL_ROOMS = base pg audit rule source segment snapshot snapshot_import drift diagnosis diagnosis_agent health delivery delivery_channel delivery_route \
            profile profile_identity profile_event profile_ingest profile_person trait trait_live trait_export flag web web_metrics worker demo
SQL_PARTS = $(wildcard $(patsubst %,sql/%.sql,$(SQL_ROOMS) access))
sql/pulse--$(EXTVERSION).sql: Makefile script/access-levels $(SQL_PARTS)
	cat $(SQL_PARTS) | script/access-levels > $@.new && mv $@.new $@
