# Pulse: build with PGXS. `make && make install`, then CREATE EXTENSION pulse.
EXTENSION  = pulse
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" pulse.control)

# Rooms in the order in which they may depend on each other (doc/architecture.md).
ROOMS = base pg audit rule source segment snapshot drift http diagnosis health delivery profile trait flag insight trust audience cell report web worker

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

# ---- pulse-http, the gateway: a program of its own, which sees no PostgreSQL but libpq (doc/gateway.md) ----
GATEWAY         ?= build/pulse-http
GATEWAY_BUILD   ?= build/gateway
# What the program shares with the library: routes, answers, texts of keys, and what these need.
GATEWAY_LIBRARY := $(wildcard src/base/*.cpp) src/http/address.cpp src/web/answer.cpp src/web/console.cpp \
                   src/web/key.cpp src/web/request.cpp src/delivery/sign.cpp \
                   $(wildcard src/web/route*.cpp)
GATEWAY_ENTRY   := $(wildcard src/web/gateway/serve*.cpp src/web/gateway/database*.cpp)
GATEWAY_PURE    := $(filter-out $(GATEWAY_ENTRY),$(wildcard src/web/gateway/*.cpp))
# One unit of each kind; with UNIT_FILES=1 each file by itself.
GATEWAY_OBJS    := $(if $(filter 1,$(UNIT_FILES)),\
                     $(patsubst %.cpp,$(GATEWAY_BUILD)/%.o,$(GATEWAY_PURE) $(GATEWAY_ENTRY)),\
                     $(addprefix $(GATEWAY_BUILD)/unit_,library.o pure.o database.o serve.o))
# The console's files lie in the program, plain and compressed.
GATEWAY_OBJS    += $(GATEWAY_BUILD)/console_files.o
CONSOLE_FILES   := $(wildcard $(addprefix console/,*.html *.css *.js *.svg pages/*.js vendor/*.js))
# -Wrestrict is wrong about std::string in GCC 12.
GATEWAY_FLAGS   := -std=c++20 -O2 $(PULSE_DEBUG) -Iinclude -I. -I$(libpq_srcdir) -DPULSE_VERSION='"$(EXTVERSION)"' \
                   -D_GLIBCXX_ASSERTIONS -fstack-protector-strong -ffunction-sections \
                   -Wall -Wextra -Wno-unused-parameter -Wno-restrict $(PULSE_WERROR) $(PULSE_CXXFLAGS)

all: $(GATEWAY)
$(GATEWAY): $(GATEWAY_OBJS)
	$(CXX) $(GATEWAY_FLAGS) -Wl,--gc-sections -Wl,--compress-debug-sections=zlib -o $@ $^ $(libpq) -lssl -lcrypto -lz

$(GATEWAY_BUILD)/unit_library.cpp: $(GATEWAY_LIBRARY)
$(GATEWAY_BUILD)/unit_pure.cpp: $(GATEWAY_PURE)
$(GATEWAY_BUILD)/unit_database.cpp: $(filter src/web/gateway/database%,$(GATEWAY_ENTRY))
$(GATEWAY_BUILD)/unit_serve.cpp: $(filter src/web/gateway/serve%,$(GATEWAY_ENTRY))
$(addprefix $(GATEWAY_BUILD)/unit_,library.cpp pure.cpp database.cpp serve.cpp): Makefile
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $(filter %.cpp,$^) > $@
$(GATEWAY_BUILD)/console_files.cpp: $(CONSOLE_FILES) script/console-files
	@mkdir -p $(@D)
	script/console-files $(@D) $(CONSOLE_FILES) > $@
$(GATEWAY_BUILD)/console_files.o: $(GATEWAY_BUILD)/console_files.cpp
	$(CXX) $(GATEWAY_FLAGS) -MMD -MP -c -o $@ $<
$(GATEWAY_BUILD)/unit_%.o: $(GATEWAY_BUILD)/unit_%.cpp
	$(CXX) $(GATEWAY_FLAGS) -MMD -MP -c -o $@ $<
$(GATEWAY_BUILD)/src/%.o: src/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(GATEWAY_FLAGS) -MMD -MP -c -o $@ $<
-include $(wildcard $(GATEWAY_BUILD)/*.d $(GATEWAY_BUILD)/src/web/gateway/*.d)

# The same program with sanitizers, which the tests run: PULSE_HTTP names it.
.PHONY: gateway-asan
gateway-asan:
	@$(MAKE) --no-print-directory GATEWAY=build/asan/pulse-http GATEWAY_BUILD=build/asan \
	    PULSE_CXXFLAGS='-O0 -fsanitize=address,undefined -fno-sanitize-recover=all' build/asan/pulse-http

install: install-gateway
uninstall: uninstall-gateway
.PHONY: install-gateway uninstall-gateway
install-gateway: $(GATEWAY)
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(GATEWAY) '$(DESTDIR)$(bindir)/pulse-http'
uninstall-gateway:
	rm -f '$(DESTDIR)$(bindir)/pulse-http'

# Each file by itself, without making anything: no file may live on what another one of its unit includes.
.PHONY: objects check-includes
objects: $(OBJS) $(if $(filter 1,$(UNIT_FILES)),$(GATEWAY_OBJS))
check-includes:
	@$(MAKE) --no-print-directory -k objects UNIT_FILES=1 PULSE_CXXFLAGS='-fsyntax-only -O0'

# One script from the rooms' parts, in the rooms' order; who may use it all comes last.
SQL_ROOMS = base pg audit audit_chain rule source segment snapshot snapshot_import snapshot_request drift diagnosis diagnosis_agent health delivery delivery_channel delivery_route \
            profile profile_identity profile_event profile_event_archive profile_ingest profile_feed profile_activity profile_person profile_consent profile_privacy trait trait_static trait_live trait_archive trait_find trait_export flag \
            insight insight_rfm insight_lifecycle insight_funnel insight_retention insight_path insight_quality insight_anomaly insight_experiment \
            trust trust_signal trust_health trust_gate trust_action trust_automation trust_campaign \
            audience audience_destination audience_sync audience_export cell report \
            web web_event_source web_signature web_console web_metrics worker web_change demo
SQL_PARTS = $(wildcard $(patsubst %,sql/%.sql,$(SQL_ROOMS) access))
sql/pulse--$(EXTVERSION).sql: Makefile script/access-levels $(SQL_PARTS)
	cat $(SQL_PARTS) | script/access-levels > $@.new && mv $@.new $@
