TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacom -J -p more/spacct in/pacct2
