TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf ja -f more/counts
