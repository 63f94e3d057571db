TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csadrep -D 3
