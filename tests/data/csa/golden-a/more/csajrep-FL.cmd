TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csajrep -F -L -J -s more/spacct
