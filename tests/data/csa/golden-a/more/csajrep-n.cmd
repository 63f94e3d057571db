TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csajrep -A -J -s more/spacct-n
