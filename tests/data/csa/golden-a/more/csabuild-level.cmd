TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csabuild -D 10
