# Pulse: build with PGXS. `make && make install`, then CREATE EXTENSION pulse.
EXTENSION  = pulse
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" pulse.control)

# Rooms in the order in which they may depend on each other (doc/architecture.md).
ROOMS = base pg rule source segment snapshot drift diagnosis health delivery profile trait flag worker

MODULE_big = pulse
OBJS       = $(patsubst %.cpp,%.o,$(sort $(foreach room,$(ROOMS),$(wildcard src/$(room)/*.cpp))))
DATA_built = sql/pulse--$(EXTVERSION).sql
DATA       = $(wildcard sql/pulse--*--*.sql)
EXTRA_CLEAN = $(DATA_built) $(OBJS:.o=.d) test/results build

PG_CPPFLAGS = -Iinclude -DPULSE_VERSION='"$(EXTVERSION)"'
PG_CXXFLAGS = -std=c++20 -fvisibility=hidden -fvisibility-inlines-hidden \
              -Wall -Wextra -Wno-register -Wno-unused-parameter $(PULSE_WERROR)
SHLIB_LINK  = -lstdc++ $(libpq) -lcurl -lcrypto

REGRESS      = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=test

# Bitcode for JIT inlining would compile every file twice for nothing: no SQL expression inlines our functions.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Header dependencies, also where PostgreSQL was built without --enable-depend.
override CXXFLAGS += -MMD -MP $(PULSE_CXXFLAGS)
-include $(OBJS:.o=.d)

# The only file that sees libpq.
src/pg/remote.o: override CPPFLAGS += -I$(libpq_srcdir)

# One script from the rooms' parts, in the rooms' order; who may use it all comes last.
SQL_ROOMS = base pg rule source segment snapshot snapshot_import drift diagnosis diagnosis_agent health delivery delivery_channel delivery_route \
            profile profile_identity profile_event profile_ingest profile_person trait trait_live flag worker demo
SQL_PARTS = $(wildcard $(patsubst %,sql/%.sql,$(SQL_ROOMS) access))
sql/pulse--$(EXTVERSION).sql: Makefile $(SQL_PARTS)
	cat $(SQL_PARTS) > $@
