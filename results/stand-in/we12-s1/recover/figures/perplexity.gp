# Drawn again by: gnuplot perplexity.gp
set encoding utf8
set terminal svg size 720,440 dynamic enhanced font "Helvetica,14" background "white" linewidth 1
set output "perplexity.svg"
set datafile missing "NaN"
set border 3 linecolor rgb "#333333" linewidth 1
set tics nomirror scale 0.6 textcolor rgb "#333333"
set grid ytics linetype 1 linecolor rgb "#E6E6E6" linewidth 1
set xlabel textcolor rgb "#333333" offset 0,0.2
set ylabel textcolor rgb "#333333" offset 0.8,0
unset key
set xlabel "warm-up epoch"
set ylabel "perplexity"
set rmargin 25
set tmargin 2.5
set xrange [-0.0072:0.6]
set yrange [178.972:442.724]
set ytics ("200" 200, "250" 250, "300" 300, "350" 350, "400" 400)
set xtics (0, "LiFT" 0.6)
set arrow from first 0, graph 0 to first 0, graph 1 nohead back dashtype (2,4) linecolor rgb "#777777"
set label "early stopping, epoch 0" at first 0, graph 1 left offset -1,0.6 textcolor rgb "#777777" font ",12"
set arrow from first 0, first 339.4634108491568 to first 0.6, first 339.4634108491568 nohead back dashtype (2,4) linecolor rgb "#009E73"
set label "train 338.82" textcolor rgb "#0072B2" at first 0.6, graph 0.5496 left offset 1.2,0
set label "valid 342.60" textcolor rgb "#D55E00" at first 0.6, graph 0.6736 left offset 1.2,0
set label "test 271.55" textcolor rgb "#009E73" at first 0.6, graph 0.3510 left offset 1.2,0
set label "early stopping, test 339.46" textcolor rgb "#009E73" at first 0.6, graph 0.6116 left offset 1.2,0
plot "perplexity.dat" index 0 using 1:2 linecolor rgb "#0072B2" linewidth 2 pointtype 7 pointsize 0.4 with linespoints, \
     "perplexity.dat" index 1 using 1:2 linecolor rgb "#0072B2" linewidth 2 pointtype 7 pointsize 0.4 dashtype (4,3) with linespoints, \
     "perplexity.dat" index 1 every ::1 using 1:2 linecolor rgb "#0072B2" linewidth 2 pointtype 7 pointsize 0.9 with points, \
     "perplexity.dat" index 0 using 1:3 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.4 with linespoints, \
     "perplexity.dat" index 1 using 1:3 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.4 dashtype (4,3) with linespoints, \
     "perplexity.dat" index 1 every ::1 using 1:3 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.9 with points, \
     "perplexity.dat" index 0 using 1:4 linecolor rgb "#009E73" linewidth 2 pointtype 7 pointsize 0.4 with linespoints, \
     "perplexity.dat" index 1 using 1:4 linecolor rgb "#009E73" linewidth 2 pointtype 7 pointsize 0.4 dashtype (4,3) with linespoints, \
     "perplexity.dat" index 1 every ::1 using 1:4 linecolor rgb "#009E73" linewidth 2 pointtype 7 pointsize 0.9 with points
