TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacom -b -J < in/pacct2
