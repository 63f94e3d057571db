TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf ja -es more/counts
