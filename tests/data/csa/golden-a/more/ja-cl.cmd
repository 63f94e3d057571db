TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf ja -cl -h -J -r more/counts
