# Drawn again by: gnuplot line_search.gp
set encoding utf8
set terminal svg size 720,440 dynamic enhanced font "Helvetica,14" background "white" linewidth 1
set output "line_search.svg"
set datafile missing "NaN"
set border 3 linecolor rgb "#333333" linewidth 1
set tics nomirror scale 0.6 textcolor rgb "#333333"
set grid ytics linetype 1 linecolor rgb "#E6E6E6" linewidth 1
set xlabel textcolor rgb "#333333" offset 0,0.2
set ylabel textcolor rgb "#333333" offset 0.8,0
unset key
set xlabel "step t along (dλ, dW)"
set ylabel "validation loss (nats/token)"
set y2label "validation perplexity" textcolor rgb "#333333" offset -0.8,0
set border 11
set xrange [-0.072:6.072]
set yrange [3.8804412:3.9451113]
set y2range [3.8804412:3.9451113]
set xtics ("0" 0, "1" 1, "2" 2, "3" 3, "4" 4, "5" 5, "6" 6)
set ytics ("3.89" 3.89, "3.90" 3.9, "3.91" 3.91, "3.92" 3.92, "3.93" 3.93, "3.94" 3.94)
set y2tics ("48.5" 3.8815637979434374, "49.0" 3.8918202981106265, "49.5" 3.901972669574645, "50.0" 3.912023005428146, "50.5" 3.9219733362813143, "51.0" 3.9318256327243257, "51.5" 3.9415818076696905)
set arrow from graph 0, first 3.9409724321031083 to graph 1, first 3.9409724321031083 nohead back dashtype (2,4) linecolor rgb "#777777"
set label "t = 0" at graph 1, first 3.9409724321031083 right offset -0.6,0.6 textcolor rgb "#777777" font ",12"
set label "t* = 3, perplexity 48.87" at first 3, first 3.8892363202863387 center offset 0,-1.3 front textcolor rgb "#D55E00"
plot "line_search.dat" index 0 using 1:2 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.4 with linespoints title "round 1: t* = 3, perplexity 48.87", \
     "+" using (3):(3.8892363202863387) every ::0::0 linecolor rgb "#D55E00" linewidth 2 pointtype 6 pointsize 1.2 with points notitle
