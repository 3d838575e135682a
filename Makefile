# tuplecast: `make && make install && make installcheck` as for any extension; `make demo` and `make test` do everything on a fresh Debian.
EXTENSION    = decoder/tuplecast
MODULE_big   = tuplecast
OBJS         = $(patsubst %.c,%.o,$(sort $(wildcard decoder/*.c)))
DATA         = $(wildcard decoder/tuplecast--*.sql)
PGFILEDESC   = "tuplecast - row changes as records for Kafka"
TC_VERSION  := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" decoder/tuplecast.control)
PG_CPPFLAGS  = -I$(srcdir)/decoder -DTUPLECAST_VERSION='"$(TC_VERSION)"'
# a tenth faster than the -O2 that most servers were built with
PG_CFLAGS    = -O3 $(WERROR)
# the server loads libraries with RTLD_GLOBAL, and before 16 exports all of
# their names: ours must not be taken from another library, nor from an older us
ifeq ($(shell uname),Linux)
SHLIB_LINK  += -Wl,-Bsymbolic
endif
REGRESS      = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
# the database of the regression tests, whatever the server's locale
ENCODING     = UTF8
NO_LOCALE    = 1
PG_CONFIG   ?= pg_config
export PG_CONFIG WITH_HTTP WERROR

# these set up the machine first, so they run where pg_config does not exist yet
ifneq ($(filter demo test deps bench compat chaos fuzz sim sim-rows,$(MAKECMDGOALS)),)

deps:
	@test/deps.sh
demo:
	@test/demo.sh
test:
	@test/run.sh
bench:
	@test/bench/run.sh
compat:
	@test/compat/run.sh all
chaos:
	@test/chaos/run.sh
	@test/run.sh slow
fuzz:
	@test/deps.sh
	@test/fuzz/run.sh
sim:
	@$(MAKE) -s -C test/sim run
sim-rows:
	@$(MAKE) -s -C test/sim/rows run
.PHONY: deps demo test bench compat chaos fuzz sim sim-rows

else

PGXS := $(shell $(PG_CONFIG) --pgxs)

all: shipper
install: install-shipper
uninstall: uninstall-shipper
clean: clean-shipper

include $(PGXS)

# PGXS follows headers only if the server was built with --enable-depend
$(OBJS): $(wildcard decoder/*.h decoder/*.def)

shipper:
	$(MAKE) -C shipper all
install-shipper: shipper
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) shipper/build/tuplecast '$(DESTDIR)$(bindir)/tuplecast'
uninstall-shipper:
	rm -f '$(DESTDIR)$(bindir)/tuplecast'
clean-shipper:
	$(MAKE) -C shipper clean
lint:
	test/lint.sh
.PHONY: shipper install-shipper uninstall-shipper clean-shipper lint

endif
