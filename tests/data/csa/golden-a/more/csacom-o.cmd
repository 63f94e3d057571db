TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacom -o more/selected -g daemon more/pacct1
