TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csajrep -N -A -s more/spacct
