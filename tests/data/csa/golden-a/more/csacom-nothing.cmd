TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacom < damaged/empty
