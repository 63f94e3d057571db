TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacom -H 0.5 -O 1 -h more/pacct1
