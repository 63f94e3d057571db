TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csarecy -D 3
