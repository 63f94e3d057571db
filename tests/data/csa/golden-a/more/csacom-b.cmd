TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacom -b -v -p more/pacct1
